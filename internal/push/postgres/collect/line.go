package collect

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// logLine is one line of the server's log.
type logLine struct {
	Stamp    string `json:"timestamp"` // in the log's time zone
	User     string `json:"user"`
	Database string `json:"dbname"`
	PID      int    `json:"pid"`
	Host     string `json:"remote_host"`
	Session  string `json:"session_id"`
	Line     int64  `json:"line_num"`
	Tag      string `json:"ps"`
	VXID     string `json:"vxid"`
	Severity string `json:"error_severity"`
	State    string `json:"state_code"`
	Message  string `json:"message"`
	Context  string `json:"context"`
	SQL      string `json:"statement"`
	App      string `json:"application_name"`
	Backend  string `json:"backend_type"`
}

var errLine = errors.New("not a whole line of the log")

// session reads the session's start in seconds since 1970 and its process.
func (l *logLine) session() (start int64, pid int, ok bool) {
	a, b, found := strings.Cut(l.Session, ".")
	start, e1 := strconv.ParseInt(a, 16, 64)
	p, e2 := strconv.ParseInt(b, 16, 32)
	return start, int(p), found && e1 == nil && e2 == nil
}

// inTransaction reports whether the line tells which transaction it is of.
func (l *logLine) inTransaction() bool { return l.VXID != "" && !strings.HasSuffix(l.VXID, "/0") }

// failed reports whether the line tells that a statement failed.
func (l *logLine) failed() bool {
	return l.Severity == "ERROR" || l.Severity == "FATAL" || l.Severity == "PANIC"
}

func parseJSONLine(b []byte) (*logLine, error) {
	l := &logLine{}
	if err := json.Unmarshal(bytes.ToValidUTF8(b, []byte("?")), l); err != nil {
		return nil, errors.Join(errLine, err)
	}
	return l, l.check()
}

// csvFields is how many fields a line has in the oldest server that is governed.
const csvFields = 26

func parseCSVLine(b []byte) (*logLine, error) {
	r := csv.NewReader(bytes.NewReader(bytes.ToValidUTF8(b, []byte("?"))))
	r.FieldsPerRecord = -1
	f, err := r.Read()
	if err != nil || len(f) < csvFields {
		return nil, errors.Join(errLine, err)
	}
	pid, e1 := strconv.Atoi(f[3])
	line, e2 := strconv.ParseInt(f[6], 10, 64)
	if e1 != nil || e2 != nil {
		return nil, errLine
	}
	host := f[4] // with its port
	if i := strings.LastIndexByte(host, ':'); i > 0 {
		host = host[:i]
	}
	l := &logLine{Stamp: f[0], User: f[1], Database: f[2], PID: pid, Host: host, Session: f[5], Line: line, Tag: f[7], VXID: f[9],
		Severity: f[11], State: f[12], Message: f[13], Context: f[18], SQL: f[19], App: f[22], Backend: f[23]}
	return l, l.check()
}

func (l *logLine) check() error {
	if _, _, ok := l.session(); !ok || l.Line < 1 || len(l.Stamp) < stampLength {
		return errLine
	}
	return nil
}

const stampLength = len("2026-01-02 15:04:05.000")

// csvStart is how a line of a CSV log begins.
var csvStart = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} `)

// logFormat is how a kind of log is read. cut gives the first line of b with its end, nil while there is no whole one.
type logFormat struct {
	name, suffix string
	cut          func(b []byte) []byte
	parse        func([]byte) (*logLine, error)
}

var logFormats = []logFormat{{"jsonlog", ".json", cutLine, parseJSONLine}, {"csvlog", ".csv", cutCSV, parseCSVLine}}

func cutLine(b []byte) []byte {
	return b[:bytes.IndexByte(b, '\n')+1]
}

// cutCSV cuts at the first end of a line outside of quotes. What does not begin as a line does, or has such a beginning where
// it is quoted oddly, is cut at the next line's beginning.
func cutCSV(b []byte) []byte {
	if !csvStart.Match(b) {
		for at := 0; ; {
			n := bytes.IndexByte(b[at:], '\n')
			if n < 0 {
				return nil
			}
			at += n + 1
			if csvStart.Match(b[at:]) {
				return b[:at]
			}
		}
	}
	quoted := false
	for i, c := range b {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\n' && !quoted:
			return b[:i+1]
		}
	}
	return nil
}
