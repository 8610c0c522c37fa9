package cli

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain ünïcode": "plain ünïcode", "a\nb": `a\nb`, "\x1b[31mred": `\x1b[31mred`, "bad\xff": `bad\xff`,
		"right\u202eleft": `right\u202eleft`, "line\u2028": `line\u2028`, "": "",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %q, not %q", in, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x00\x1b]0;title\x07\u200f\xf0\x28")
	f.Fuzz(func(t *testing.T, s string) {
		got := printable(s)
		if !utf8.ValidString(got) || strings.IndexFunc(got, unicode.IsControl) >= 0 {
			t.Errorf("%q prints as %q", s, got)
		}
	})
}

func TestWriteLines(t *testing.T) {
	const doc = `{"a":1,"b":{"c":"x\ny","d":null},"e":["p","q"],"f":[{"g":1,"h":[2]},{"g":3}],"i":[],"j":{},"k":9007199254740993}`
	const want = `a: 1
b:
  c: x\ny
  d: null
e: [p, q]
f:
  - g: 1
    h: [2]
  - g: 3
i: []
j:
k: 9007199254740993
`
	var b strings.Builder
	if err := writeLines(&b, []byte(doc)); err != nil || b.String() != want {
		t.Errorf("%v\n%s", err, b.String())
	}
	for _, bad := range []string{"", "[1]", `"x"`, `{"a":`} {
		if writeLines(&b, []byte(bad)) == nil {
			t.Errorf("%q was printed", bad)
		}
	}
}

func TestTimes(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ text, future, past string }{
		{"2d", "2026-03-03T12:00:00Z", "2026-02-27T12:00:00Z"},
		{"90m", "2026-03-01T13:30:00Z", "2026-03-01T10:30:00Z"},
		{"2026-02-03", "2026-02-03T00:00:00Z", "2026-02-03T00:00:00Z"},
		{"2026-02-03T04:05:06+01:00", "2026-02-03T03:05:06Z", "2026-02-03T03:05:06Z"},
	} {
		future, err := futureTime(c.text, now)
		past, err2 := pastTime(c.text, now)
		if err != nil || err2 != nil || future.Format(time.RFC3339) != c.future || past.Format(time.RFC3339) != c.past {
			t.Errorf("%s: %s %s %v %v", c.text, future, past, err, err2)
		}
	}
	for _, bad := range []string{"", "d", "-1d", "0d", "99999999999d", "36501d", "-5m", "0s", "tomorrow", "2026-13-01"} {
		if at, err := futureTime(bad, now); err == nil {
			t.Errorf("%q is %s", bad, at)
		}
	}
}

func TestJSONValue(t *testing.T) {
	for _, c := range []struct {
		text []byte
		oid  uint32
		want string
	}{
		{nil, oidInt8, "null"}, {[]byte("t"), oidBool, "true"}, {[]byte("f"), oidBool, "false"},
		{[]byte("9007199254740993"), oidInt8, "9007199254740993"}, {[]byte("1.50"), oidNumeric, "1.50"},
		{[]byte("NaN"), oidFloat8, `"NaN"`}, {[]byte("12"), 25, `"12"`}, {[]byte(`{"a":1}`), oidJSON, `{"a":1}`},
		{[]byte("a\"b\xff"), 25, `"a\"b�"`},
	} {
		if got, err := jsonValue(c.text, c.oid); err != nil || string(got) != c.want {
			t.Errorf("%q of %d: %s %v", c.text, c.oid, got, err)
		}
	}
}

func TestEscapeOption(t *testing.T) {
	if got := escapeOption(`a b\c` + "\n"); got != `a\ b\\c`+"\\\n" {
		t.Errorf("%q", got)
	}
}

func TestObject(t *testing.T) {
	o, err := object("lake:demo.hr_data")
	if err != nil || o.String() != "lake:demo.hr_data" || len(o.Path) != 2 {
		t.Errorf("%v %v", o, err)
	}
	for _, bad := range []string{"", "demo.hr_data", ":x", "lake:"} {
		if _, err := object(bad); err == nil {
			t.Errorf("%q names a data source", bad)
		}
	}
}

// Every command says what it is for and shows how it is used.
func TestHelp(t *testing.T) {
	root := newRoot(&env{})
	for stack := root.Commands(); len(stack) > 0; {
		c := stack[0]
		stack = append(stack[1:], c.Commands()...)
		if c.Short == "" || !c.HasSubCommands() && c.Example == "" {
			t.Errorf("%s has no help or no example", c.CommandPath())
		}
	}
}
