package session

import (
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		"ana@example.com":        "ana@example.com",
		"ANA@Example.COM":        "ana@example.com",
		"Stra\u00dfe":            "strasse",
		"STRASSE":                "strasse",
		"Jose\u0301":             "jos\u00e9", // composed
		"Jos\u00c9":              "jos\u00e9",
		"\u03a3\u03a3":           "\u03c3\u03c3",
		"\u03c3\u03c2":           "\u03c3\u03c3", // final sigma
		"a b":                    "a b",
		"O'Neil":                 "o'neil",
		strings.Repeat("x", 256): strings.Repeat("x", 256),
	} {
		if got, err := Canonical(in); err != nil || got != want {
			t.Errorf("Canonical(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", " ", " a", "a ", "a\x00b", "a\x1fb", "a\nb", "a\u200bb", "a\u202eb", "a\u2028b", "\xff", "\ufeffa", strings.Repeat("x", 257)} {
		if got, err := Canonical(in); err == nil {
			t.Errorf("Canonical(%q) = %q", in, got)
		}
	}
}

func TestParseName(t *testing.T) {
	for in, want := range map[string][2]string{
		"Ana":         {"bim", "ana"},
		"bim:Ana":     {"bim", "ana"},
		"ldap:CN=a:b": {"ldap", "cn=a:b"},
		"bim:urn:a":   {"bim", "urn:a"},
	} {
		iam, name, err := ParseName(in)
		if err != nil || iam != want[0] || name != want[1] {
			t.Errorf("ParseName(%q) = %q, %q, %v", in, iam, name, err)
		}
		if a, n, err := ParseName(FormatName(iam, name)); err != nil || a != iam || n != name {
			t.Errorf("FormatName(%q, %q) reads back as %q, %q, %v", iam, name, a, n, err)
		}
	}
	for _, in := range []string{":a", "bim:", "a b:c", "\u00e9:c", ".:c"} {
		if iam, name, err := ParseName(in); err == nil {
			t.Errorf("ParseName(%q) = %q, %q", in, iam, name)
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"ana", "ldap:x", "\u0345\u03b1", "\u1fb3\u0345", "Stra\u00dfe", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		iam, name, err := ParseName(s)
		if err != nil {
			return
		}
		if again, err := Canonical(name); err != nil || again != name {
			t.Fatalf("%q is not its own canonical form: %q, %v", name, again, err)
		}
		if a, n, err := ParseName(FormatName(iam, name)); err != nil || a != iam || n != name {
			t.Fatalf("%q, %q reads back as %q, %q, %v", iam, name, a, n, err)
		}
	})
}
