package session

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"stead"
)

// maxName is the greatest number of bytes of a user name, folded.
const maxName = 256

// Canonical returns the one form in which a user name is stored and compared: full case
// folding and NFC. Two names that a person reads as the same are the same name. It refuses, with
// stead.Invalid, what could not be told apart on a screen or would break a key: empty names, invalid
// UTF-8, control and format characters, line separators, and spaces at the ends.
func Canonical(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	folded := fold(name)
	// Folding composed text can leave text that folds once more; a form that is not its own
	// form would give one person two keys.
	for range 3 {
		again := fold(folded)
		if again == folded {
			return folded, checkName(folded)
		}
		folded = again
	}
	return "", badName("has no stable canonical form")
}

func fold(s string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFD.String(s)))
}

func checkName(name string) error {
	switch {
	case name == "":
		return badName("is empty")
	case len(name) > maxName:
		return badName("is longer than 256 bytes")
	case !utf8.ValidString(name):
		return badName("is not valid UTF-8")
	case strings.TrimSpace(name) != name:
		return badName("begins or ends with a space")
	}
	for _, r := range name {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError {
			return badName("holds a control or invisible character")
		}
	}
	return nil
}

func badName(what string) error {
	return stead.Errorf(stead.Invalid, "the user name %s", what).
		WithHint("write the name as it was given to the identity, for example ana@example.com")
}

// ParseName reads how people spell an identity: "name" in the default IAM, "iam:name" in any. A
// name that holds a colon is always written with its IAM. The name comes back canonical.
func ParseName(text string) (iam, name string, err error) {
	iam, name = stead.DefaultIAM, text
	if before, after, found := strings.Cut(text, ":"); found {
		iam, name = before, after
	}
	if err := CheckIAM(iam); err != nil {
		return "", "", err
	}
	name, err = Canonical(name)
	return iam, name, err
}

// FormatName spells an identity so that ParseName reads it back.
func FormatName(iam, name string) string {
	if (iam == stead.DefaultIAM || iam == "") && !strings.Contains(name, ":") {
		return name
	}
	if iam == "" {
		iam = stead.DefaultIAM
	}
	return iam + ":" + name
}

// CheckIAM refuses what cannot be the id of an identity manager: ids are 1 to 64 of
// A-Z a-z 0-9 . _ -, beginning with a letter or digit, and are compared byte for byte.
func CheckIAM(iam string) error {
	ok := len(iam) > 0 && len(iam) <= 64 && !strings.ContainsRune("._-", rune(iam[0]))
	for i := 0; ok && i < len(iam); i++ {
		c := iam[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
	}
	if !ok {
		return stead.Errorf(stead.Invalid, "the IAM id is not valid").
			WithHint("use letters, digits, dot, underscore and dash; the built-in IAM is %q", stead.DefaultIAM)
	}
	return nil
}
