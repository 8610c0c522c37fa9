package expr

import (
	"strings"
	"testing"
)

func TestPortablePatterns(t *testing.T) {
	for p, want := range map[string]Pattern{
		`a`:                      {Body: `a`},
		`^[a-z]{2,}[0-9]?$`:      {Body: `[a-z]{2,}[0-9]?`, Start: true, End: true},
		`.+@.*`:                  {Body: `.+@.*`},
		`a\$`:                    {Body: `a\$`},
		`a\\$`:                   {Body: `a\\`, End: true},
		`(?:ab){2}`:              {Body: `(?:ab){2}`},
		`(?:a(?:b)c){3}`:         {Body: `(?:a(?:b)c){3}`},
		`[^é-ü%]`:                {Body: `[^é-ü%]`},
		`\.\*\+\?\^\(\)\[\]\{\}`: {Body: `\.\*\+\?\^\(\)\[\]\{\}`},
		`a{0,255}b?`:             {Body: `a{0,255}b?`, empty: true},
		`\|`:                     {Body: `\|`},
	} {
		got, err := ParsePattern(p)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", p, got, err)
		}
	}
}

func TestPatternsThatAreNotPortable(t *testing.T) {
	for p, says := range map[string]string{
		``: "missing", `^$`: "missing", `a|b`: "alternation", `(a)`: "only (?:...)", `(?i)a`: "only (?:...)", `(?=a)`: "only (?:...)",
		`(?:a)*`: "variable count", `(?:a)?`: "variable count", `(?:a){1,2}`: "fixed count", `(?:a){2,}`: "fixed count", `(?:a){0}`: "too small",
		`(?:(?:a){2}b){2}`: "cannot be inside another", `(?:a`: "not closed", `a)`: `write \)`, `(?:)`: "missing", `a+?`: "not expected", `a*+`: "not expected",
		`\d`: "portable", `\w`: "portable", `\b`: "portable", `\1`: "portable", `a\`: "portable", `[[:alpha:]]`: "inside", `[a\]]`: "inside", `[]a]`: "inside",
		`[-a]`: "inside", `[a-]`: "inside", `[a-c-e]`: "inside", `[z-a]`: "backwards", `[a`: "not closed", `[]`: "inside", `[a&&b]`: "inside", `[^]`: "inside",
		`a{,2}`: "count", `a{256}`: "at most 255", `a{2,1}`: "too small", `a{1`: "count", `a{x}`: "count", `{2}`: "not expected", `*a`: "not expected",
		`a^b`: "not expected", `a$b`: "not expected", `]`: "not expected", `a*b*c*`: "more than 2", `(?:a*){3}`: "more than 2",
		`(?:a{255}){5}`: "too large together", "a\x00": "valid text", "\xff": "valid text",
	} {
		if err := CheckPattern(p); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v does not say %q", p, err, says)
		}
	}
	for _, p := range []string{`a*`, `a?b{0,2}`, `^a?$`, `(?:a?b*){1}`} {
		if err := CheckReplacePattern(p); CheckPattern(p) != nil || err == nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{`^[a-z]{2,}[0-9]?$`, `(?:ab){2}c*`, `[^é]`, `a\.b`} {
		f.Add(s)
	}
	// Whatever the grammar takes, the reference engine compiles: ParsePattern says so itself.
	f.Fuzz(func(t *testing.T, p string) {
		if pat, err := ParsePattern(p); err == nil && pat.Body == "" {
			t.Fatalf("%q is a pattern of nothing", p)
		}
		if err := CheckPattern(p); err != nil && strings.Contains(err.Error(), "cannot be compiled") {
			t.Fatalf("the grammar takes %q, which does not compile", p)
		}
	})
}
