package collect

import (
	"encoding/csv"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// auditLine is one message of pgaudit.
type auditLine struct {
	statement, sub int64
	class, command string
	relation       bool   // object is a table, view or the like
	object         string // as pgaudit quotes it: schema.name
	text           string
	rows           int64
}

// parseAudit reads "AUDIT: SESSION,1,1,READ,SELECT,TABLE,hr.emp,select ...,<parameters>"; parameters are left out.
func parseAudit(message string) (*auditLine, bool) {
	rest, ok := strings.CutPrefix(message, "AUDIT: ")
	if !ok {
		return nil, false
	}
	r := csv.NewReader(strings.NewReader(rest))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	f, err := r.Read()
	if err != nil || len(f) < 8 || f[0] != "SESSION" && f[0] != "OBJECT" {
		return nil, false
	}
	a := &auditLine{class: f[3], command: f[4], object: f[6], text: f[7]}
	a.relation = f[6] != "" && slices.Contains([]string{"TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "TOAST TABLE", "INDEX", "SEQUENCE"}, f[5])
	var e1, e2 error
	a.statement, e1 = strconv.ParseInt(f[1], 10, 64)
	a.sub, e2 = strconv.ParseInt(f[2], 10, 64)
	if n, err := strconv.ParseInt(f[len(f)-1], 10, 64); err == nil && len(f) > 9 {
		a.rows = n
	}
	return a, e1 == nil && e2 == nil
}

// splitQualified gives the parts of a name, quoted or not.
func splitQualified(s string) []string {
	var out []string
	var part strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' && quoted && i+1 < len(s) && s[i+1] == '"':
			part.WriteByte('"')
			i++
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			out = append(out, part.String())
			part.Reset()
		default:
			part.WriteByte(c)
		}
	}
	return append(out, part.String())
}

var statementLine = regexp.MustCompile(`(?s)^(?:duration: [0-9.]+ ms  )?(?:statement|execute [^:]*): (.*)$`)

// statementText is the statement of a line of log_statement or log_min_duration_statement.
func statementText(message string) (string, bool) {
	m := statementLine.FindStringSubmatch(message)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// toldEvent is what immuta_system.tell writes.
type toldEvent struct {
	Event    string      `json:"event"`
	Login    string      `json:"login"`
	Subject  string      `json:"subject"`
	Identity int64       `json:"identity"`
	Asked    string      `json:"asked"`
	At       json.Number `json:"at"`
	PID      int         `json:"pid"`
	Start    json.Number `json:"start"`
	Database string      `json:"database"`
}

const toldPrefix, toldContext = "stead.impersonation ", "PL/pgSQL function immuta_system.tell("

func parseTold(message string) (*toldEvent, bool) {
	rest, ok := strings.CutPrefix(message, toldPrefix)
	if !ok {
		return nil, false
	}
	e := &toldEvent{}
	if json.Unmarshal([]byte(rest), e) != nil || !slices.Contains([]string{"accepted", "refused", "ended"}, e.Event) {
		return nil, false
	}
	return e, true
}

// namePattern finds the identifiers of a statement's text, with those that are qualified as one, as the server would read
// them; what stands in quotes of texts and in comments too, since nothing here depends on it.
var namePattern = regexp.MustCompile(`(?:"(?:[^"]|"")+"|[\pL_][\pL\pN_$]*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[\pL_][\pL\pN_$]*))*`)

func namesIn(text string) [][]string {
	const most = 1 << 20
	text = text[:min(len(text), most)]
	var out [][]string
	for _, w := range namePattern.FindAllString(text, -1) {
		parts := identifierParts.FindAllString(w, -1)
		name := make([]string, len(parts))
		for i, p := range parts {
			if strings.HasPrefix(p, `"`) {
				name[i] = strings.ReplaceAll(p[1:len(p)-1], `""`, `"`)
			} else {
				name[i] = strings.ToLower(p)
			}
		}
		out = append(out, name)
	}
	return out
}

var identifierParts = regexp.MustCompile(`"(?:[^"]|"")+"|[\pL_][\pL\pN_$]*`)

var (
	secretNonce    = regexp.MustCompile(`[0-9]+\|[0-9]+\|[0-9A-Fa-f]+|[0-9A-Fa-f]{32,}`)
	secretPassword = regexp.MustCompile(`(?is)(password\s+)(?:e?'(?:[^'\\]|''|\\.)*'?|\$([a-z_]*)\$.*?(?:\$[a-z_]*\$|$))`)
)

// withoutSecrets takes out of a statement what lets somebody in: passwords, and what binds a session.
func withoutSecrets(text string) string {
	if strings.Contains(strings.ToLower(text), "immuta") {
		text = secretNonce.ReplaceAllString(text, "[removed]")
	}
	return secretPassword.ReplaceAllString(text, "${1}'[removed]'")
}

var losing = regexp.MustCompile(`(?is)\b(?:discard\s+all|reset\s+all)\b|\b(?:set|reset|set_config)\b.{0,40}immuta\s*"?\.\s*"?binding`)

// loses reports whether a statement may take the session's nonce away.
func loses(text string) bool { return losing.MatchString(text) }
