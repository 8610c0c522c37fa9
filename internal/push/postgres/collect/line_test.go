package collect

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

const jsonLine = `{"timestamp":"2026-01-02 03:04:05.678 UTC","user":"alice","dbname":"d","pid":33,"remote_host":"::1","remote_port":5,"session_id":"6a5.21","line_num":4,"ps":"SELECT","vxid":"3/7","txid":0,"error_severity":"LOG","message":"a\nb","application_name":"psql","backend_type":"client backend"}` + "\n"
const csvLine = `2026-01-02 03:04:05.678 UTC,"alice","d",33,"::1:5",6a5.21,4,"SELECT",2026-01-02 03:04:00 UTC,3/7,0,LOG,00000,"a` + "\n" + `b",,,,,,,,,"psql","client backend",,0` + "\n"

func TestLogLines(t *testing.T) {
	want := logLine{Stamp: "2026-01-02 03:04:05.678 UTC", User: "alice", Database: "d", PID: 33, Host: "::1", Session: "6a5.21", Line: 4, Tag: "SELECT", VXID: "3/7",
		Severity: "LOG", Message: "a\nb", App: "psql", Backend: "client backend"}
	for i, text := range []string{jsonLine, csvLine} {
		f := logFormats[i]
		if cut := string(f.cut([]byte(text + "rest"))); cut != text {
			t.Errorf("%s: cut %q", f.name, cut)
		}
		if cut := f.cut([]byte(text[:len(text)-1])); len(cut) != 0 {
			t.Errorf("%s: half a line is none: %q", f.name, cut)
		}
		got, err := f.parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got.State = ""
		if !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: %+v", f.name, *got)
		}
		for _, bad := range []string{"", "{}", "x,y", text[:len(text)/2], strings.Replace(text, "6a5.21", "6a5", 1)} {
			if _, err := f.parse([]byte(bad)); err == nil {
				t.Errorf("%s: %q is no line", f.name, bad)
			}
		}
	}
	if cut := string(cutCSV([]byte("half of a line\nmore\n" + csvLine))); cut != "half of a line\nmore\n" {
		t.Errorf("what is no line ends where one begins: %q", cut)
	}
}

func TestMessages(t *testing.T) {
	a, ok := parseAudit(`AUDIT: SESSION,12,2,READ,SELECT,TABLE,"odd ""x"".emp","select 1, ""a""",<not logged>`)
	if !ok || a.statement != 12 || a.sub != 2 || a.class != "READ" || !a.relation || a.object != `odd "x".emp` || a.text != `select 1, "a"` {
		t.Errorf("%+v %v", a, ok)
	}
	if a, ok := parseAudit(`AUDIT: OBJECT,1,1,READ,SELECT,VIEW,hr.v,select 1,"a,b",17`); !ok || a.rows != 17 {
		t.Errorf("%+v %v", a, ok)
	}
	for _, bad := range []string{"", "AUDIT: ", "AUDIT: SESSION,x,1,READ,SELECT,,,s,p", "AUDIT: OTHER,1,1,READ,SELECT,,,s,p", "audit"} {
		if a, ok := parseAudit(bad); ok {
			t.Errorf("%q: %+v", bad, a)
		}
	}
	for text, want := range map[string]string{"statement: SELECT 1": "SELECT 1", "duration: 0.1 ms  statement: a\nb": "a\nb", "execute <unnamed>: x": "x",
		"duration: 3.250 ms  execute s1: y": "y", "duration: 0.1 ms": "", "duration: 1 ms  bind x: z": "", "connection authorized": ""} {
		if got, _ := statementText(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	if got := fmt.Sprint(splitQualified(`hr."a.b""c"`)); got != `[hr a.b"c]` {
		t.Error(got)
	}
	if got := fmt.Sprint(namesIn(`SELECT e."Name" FROM HR . emp e, "a""b"`)); got != `[[select] [e Name] [from] [hr emp] [e] [a"b]]` {
		t.Error(got)
	}
	for text, want := range map[string]string{
		"ALTER ROLE a PASSWORD 'x''y' VALID": "ALTER ROLE a PASSWORD '[removed]' VALID", "CREATE ROLE a PASSWORD 'open": "CREATE ROLE a PASSWORD '[removed]'",
		"SET immuta.binding = '0123456789abcdef0123456789abcdef'": "SET immuta.binding = '[removed]'", "SET immuta.binding = '2|1784|ab12'": "SET immuta.binding = '[removed]'",
		"SELECT '0123456789abcdef0123456789abcdef'": "SELECT '0123456789abcdef0123456789abcdef'"} {
		if got := withoutSecrets(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	for text, want := range map[string]bool{"DISCARD ALL": true, "reset  all": true, `SET LOCAL "immuta"."binding" = ''`: true, "SELECT set_config('immuta.binding', '', false)": true,
		"RESET immuta.binding": true, "DISCARD TEMP": false, "SELECT 1": false} {
		if loses(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

// Lines are written by whoever asks: nothing in them may bring the reader down, and what is cut is all of it.
func FuzzLogLine(f *testing.F) {
	for _, s := range []string{jsonLine, csvLine, "half\n" + csvLine, `{"session_id":"1.1","message":"AUDIT: SESSION,1,1,READ,SELECT,,,x,y"}` + "\n", "\"\n\"\n", `stead.impersonation {"event":"accepted"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, format := range logFormats {
			rest := b
			for len(rest) > 0 {
				line := format.cut(rest)
				if len(line) == 0 {
					break
				}
				if l, err := format.parse(line); err == nil {
					parseAudit(l.Message)
					parseTold(l.Message)
					statementText(l.Message)
				}
				rest = rest[len(line):]
			}
		}
		text := string(b)
		parseAudit(text)
		parseTold(text)
		namesIn(text)
		splitQualified(text)
		if again := withoutSecrets(withoutSecrets(text)); again != withoutSecrets(text) {
			t.Errorf("%q becomes %q", withoutSecrets(text), again)
		}
	})
}
