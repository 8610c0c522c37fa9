package bundle

import (
	"fmt"
	"strings"
	"testing"
)

func TestScalars(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"comments only", "# nothing\n", ""},
		{"nested", "gateway:\n  listen: 127.0.0.1:5432\n  tls: {off: true, port: 5432}\nname: \"007\"\n",
			"gateway.listen=127.0.0.1:5432@2:3 gateway.tls.off=true@3:9 gateway.tls.port=5432@3:20 name=007@4:1"},
		{"empty text", "a: ''\n", "a=@1:1"},
		{"json", `{"a": {"b": 1.5}}`, "a.b=1.5@1:8"},
		{"yaml tells no from false", "a: no\n", "a=no@1:1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Scalars("c", []byte(tc.in))
			if err != nil {
				t.Fatal(err)
			}
			var parts []string
			for _, s := range got {
				parts = append(parts, fmt.Sprintf("%s=%s@%d:%d", s.Name, s.Value, s.Place.Line, s.Place.Column))
			}
			if s := strings.Join(parts, " "); s != tc.want {
				t.Errorf("got  %s\nwant %s", s, tc.want)
			}
		})
	}
}

func TestScalarsRefuses(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"duplicate", "a: 1\nb: 2\na: 3\n", "c.yaml:3:1: a: is given twice"},
		{"duplicate below", "a:\n  b: 1\n  b: 2\n", "c.yaml:3:3: a.b: is given twice"},
		{"duplicate by dots", "a.b: 1\na:\n  b: 2\n", "c.yaml:3:3: a.b: is given twice"},
		{"list", "a: [1]\n", "c.yaml:1:1: a: a list"},
		{"no value", "a:\n", "c.yaml:1:1: a: has no value"},
		{"alias", "a: &x 1\nb: *x\n", "c.yaml:1:4: anchor"},
		{"merge", "a: {b: 1}\n<<: {c: 1}\n", "c.yaml:2:1: merge"},
		{"tag", "a: !!str 1\n", "c.yaml:1:4: tag"},
		{"octal", "a: 0700\n", `c.yaml:1:4: a: "0700" can be read in several ways`},
		{"two documents", "a: 1\n---\nb: 2\n", "c.yaml:3:1: a second document"},
		{"not a mapping", "- a\n", "must be a mapping"},
		{"a text", "hello\n", "must be a mapping"},
		{"bad yaml", "a: [1\n", "c.yaml:"},
		{"deep flow", "a: " + strings.Repeat("[", 100_000), "nested deeper"},
		{"deep block", "a: " + strings.Repeat("- ", 1000) + "x", "c.yaml:"},
		{"many keys", strings.Repeat("a: b\n", maxKeys+1), "holds more than 2000 keys"},
		{"many keys in braces", "x: {" + strings.Repeat("a: b, ", maxKeys+1) + "}", "holds more than 2000 keys"},
		{"not UTF-8", "a: \xff", "is not UTF-8"},
		{"large", "a: " + strings.Repeat("x", maxFile), "is larger than"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Scalars("c.yaml", []byte(tc.in))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, %v; want an error with %q", got, err, tc.want)
			}
		})
	}
}
