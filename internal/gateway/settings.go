package gateway

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"stead"
	"stead/internal/gateway/sqlstate"
)

// ServerVersion is the version of PostgreSQL whose clients the gateway serves.
const ServerVersion = "15.13"

// setting is one of the settings that clients of PostgreSQL send. None of them reaches the
// engine; those that would change what a statement means accept only the one value that holds.
type setting struct {
	name  string // as PostgreSQL spells it
	value string // at the start
	about string
	// check returns the value to keep; nil makes the setting read-only.
	check func(v string) (string, bool)
}

var settingTable = []setting{
	{"application_name", "", "The name the client gives itself, for audit records.", anyText},
	{"bytea_output", "hex", "How binary values are printed.", one("hex")},
	{"client_encoding", "UTF8", "The encoding of the client.", encoding},
	{"client_min_messages", "notice", "Which notices are wanted.", anyText},
	{"DateStyle", "ISO, MDY", "How dates are printed.", dateStyle},
	{"default_transaction_isolation", "read committed", "Isolation of transactions; everything only reads.", isolation},
	{"default_transaction_deferrable", "off", "No effect; everything only reads.", boolean},
	{"default_transaction_read_only", "on", "No effect; everything only reads.", boolean},
	{"extra_float_digits", "1", "Digits of floats; the shortest exact text is always printed.", whole(-15, 3)},
	{"idle_in_transaction_session_timeout", "0", "No effect; transactions hold nothing.", duration},
	{"idle_session_timeout", "0", "No effect; the server's own limit holds.", duration},
	{"in_hot_standby", "off", "Whether the server is a standby.", nil},
	{"integer_datetimes", "on", "Times are 64 bit integers.", nil},
	{"IntervalStyle", "postgres", "How intervals are printed.", one("postgres")},
	{"is_superuser", "off", "Whether the user is a superuser; nobody is.", nil},
	{"jit", "off", "No effect.", boolean},
	{"lc_collate", "C", "Text is compared by its bytes.", nil},
	{"lc_ctype", "C", "Case functions are those of ASCII.", nil},
	{"lc_messages", "C", "The language of messages.", anyText},
	{"lc_monetary", "C", "No effect.", anyText},
	{"lc_numeric", "C", "No effect.", anyText},
	{"lc_time", "C", "No effect.", anyText},
	{"lock_timeout", "0", "No effect; nothing is locked.", duration},
	{"max_identifier_length", "63", "Length of identifiers that clients should keep to.", nil},
	{"row_security", "on", "Policies always hold.", one("on")},
	{"search_path", `"$user", public`, "The schemas in which unqualified names are looked for.", searchPath},
	{"server_encoding", "UTF8", "The encoding of the server.", nil},
	{"server_version", ServerVersion, "The version of PostgreSQL whose protocol is spoken.", nil},
	{"server_version_num", "150013", "The same as a number.", nil},
	{"session_authorization", "", "Who signed in.", nil},
	{"standard_conforming_strings", "on", "Backslashes are ordinary in strings.", one("on")},
	{"statement_timeout", "0", "How long a statement may run; the server's own limit also holds.", duration},
	{"synchronous_commit", "on", "No effect; everything only reads.", anyText},
	{"TimeZone", "UTC", "Times are always shown in UTC.", zone},
	{"transaction_isolation", "read committed", "Isolation of the transaction; everything only reads.", isolation},
	{"transaction_read_only", "on", "Everything only reads.", boolean},
}

// reportedSettings are told to the client at the start and when they change.
var reportedSettings = []string{"application_name", "client_encoding", "DateStyle", "default_transaction_read_only",
	"in_hot_standby", "integer_datetimes", "IntervalStyle", "is_superuser", "server_encoding", "server_version",
	"session_authorization", "standard_conforming_strings", "TimeZone"}

// findSetting looks a setting up; names have no case.
func findSetting(name string) (setting, bool) {
	for _, s := range settingTable {
		if strings.EqualFold(s.name, name) {
			return s, true
		}
	}
	return setting{}, false
}

// settings are the values of one connection.
type settings struct {
	namespace string
	values    map[string]string // by the spelling of the table
	start     map[string]string // what RESET goes back to
	// Whom the start-up options asked to stand in for, and the project.
	startUser, startProject string
}

func newSettings(namespace string) *settings {
	v := make(map[string]string, len(settingTable))
	for _, s := range settingTable {
		v[s.name] = s.value
	}
	return &settings{namespace: namespace, values: v}
}

// seal makes the current values the ones that RESET goes back to.
func (s *settings) seal() { s.start = maps.Clone(s.values) }

func (s *settings) userName() string    { return s.namespace + ".impersonate.user" }
func (s *settings) projectName() string { return s.namespace + ".project" }

// show returns the value of a setting for SHOW and reports; it must be known.
func (s *settings) show(c *conn, name string) string {
	switch name {
	case s.userName():
		who, _ := c.session.Impersonating()
		return who
	case s.projectName():
		key, _ := c.session.Project()
		return key
	case "session_authorization":
		return c.user
	}
	return s.values[name]
}

// set checks and keeps a value; what was set is told to the client where it expects that.
func (s *settings) set(c *conn, name, value string) error {
	def, ok := findSetting(name)
	if !ok {
		return errNoSetting(name)
	}
	if def.check == nil {
		return sqlstate.Errorf(sqlstate.ReadOnlySetting, stead.Denied, "parameter %q cannot be changed", def.name)
	}
	if len(value) > c.srv.cfg.Limits.SettingBytes {
		return sqlstate.Errorf(sqlstate.BadParameter, stead.Limit, "the value of %q is too long", def.name)
	}
	kept, ok := def.check(value)
	if !ok {
		return sqlstate.Errorf(sqlstate.BadParameter, stead.Invalid, "invalid value for parameter %q: %q", def.name, value).
			WithHint("It stays %q; %s", s.values[def.name], def.about)
	}
	s.change(c, def.name, kept)
	return nil
}

func errNoSetting(name string) error {
	return sqlstate.Errorf(sqlstate.NoParameter, stead.Unsupported, "unrecognized configuration parameter %q", name).
		WithHint("SHOW ALL lists the settings there are; settings of the engine cannot be changed.")
}

// restore sets values back, as they were checked before.
func (s *settings) restore(c *conn, values map[string]string) {
	for name, v := range values {
		s.change(c, name, v)
	}
}

func (s *settings) change(c *conn, name, value string) {
	if s.values[name] == value {
		return
	}
	s.values[name] = value
	if s.start != nil && slices.Contains(reportedSettings, name) {
		c.parameterStatus(name, value)
	}
}

// searchPath are the schemas in which unqualified names are looked for; nil while nobody has set
// any: then a name needs no schema as long as only one visible table has it.
func (s *settings) searchPath() []string {
	if def, _ := findSetting("search_path"); s.values[def.name] == def.value {
		return nil
	}
	names, _ := splitNames(s.values["search_path"])
	return slices.DeleteFunc(names, func(n string) bool { return n == "$user" })
}

// timeout is the time a statement has, at most limit.
func (s *settings) timeout(limit time.Duration) time.Duration {
	ms, err := strconv.ParseInt(s.values["statement_timeout"], 10, 64)
	if d := time.Duration(ms) * time.Millisecond; err == nil && ms > 0 && d < limit {
		return d
	}
	return limit
}

func anyText(v string) (string, bool) { return strings.Map(printable, v), true }

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '?'
	}
	return r
}

func one(only string) func(string) (string, bool) {
	return func(v string) (string, bool) {
		if only == "on" {
			b, ok := boolean(v)
			return only, ok && b == "on"
		}
		return only, strings.EqualFold(v, only)
	}
}

func boolean(v string) (string, bool) {
	switch strings.ToLower(v) {
	case "on", "true", "yes", "1", "t", "y":
		return "on", true
	case "off", "false", "no", "0", "f", "n":
		return "off", true
	}
	return "", false
}

func encoding(v string) (string, bool) {
	switch strings.ToLower(strings.Trim(v, "' ")) {
	case "utf8", "utf-8", "unicode":
		return "UTF8", true
	}
	return "", false
}

// dateStyle keeps ISO and takes any order of fields, which ISO does not use.
func dateStyle(v string) (string, bool) {
	for part := range strings.SplitSeq(strings.ToLower(v), ",") {
		switch strings.TrimSpace(part) {
		case "iso", "mdy", "dmy", "ymd", "us", "euro", "european", "noneuropean":
		default:
			return "", false
		}
	}
	return "ISO, MDY", true
}

func isolation(v string) (string, bool) {
	v = strings.ToLower(v)
	return v, slices.Contains([]string{"serializable", "repeatable read", "read committed", "read uncommitted"}, v)
}

// zone accepts every name of a zone and keeps UTC: drivers insist on setting it.
func zone(v string) (string, bool) { return "UTC", len(v) <= 64 }

func whole(low, high int64) func(string) (string, bool) {
	return func(v string) (string, bool) {
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		return strconv.FormatInt(n, 10), err == nil && n >= low && n <= high
	}
}

// duration reads milliseconds, or a number with a unit.
func duration(v string) (string, bool) {
	v = strings.TrimSpace(v)
	unit := int64(1)
	for _, u := range []struct {
		name string
		ms   int64
	}{{"ms", 1}, {"min", 60_000}, {"s", 1000}, {"h", 3_600_000}, {"d", 86_400_000}} {
		if rest, ok := strings.CutSuffix(v, u.name); ok {
			v, unit = strings.TrimSpace(rest), u.ms
			break
		}
	}
	n, err := strconv.ParseInt(v, 10, 32)
	return strconv.FormatInt(n*unit, 10), err == nil && n >= 0
}

func searchPath(v string) (string, bool) {
	_, ok := splitNames(v)
	return v, ok
}

// splitNames reads a list of identifiers.
func splitNames(v string) ([]string, bool) {
	var names []string
	l := lexer{src: v}
	for {
		t := l.next()
		switch t.kind {
		case endToken:
			return names, true
		case wordToken, nameToken, textToken:
			names = append(names, t.text)
		default:
			if !t.mark(",") && t.kind != numberToken {
				if !t.mark("$") {
					return nil, false
				}
			}
		}
	}
}
