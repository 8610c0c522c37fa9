package govern

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"stead"
)

// checkText refuses texts that would break a key, a log line or a client: too long, not UTF-8, control characters.
func checkText(path, text string, most int) error {
	if len(text) > most {
		return invalid(path, "is longer than %d bytes", most)
	}
	if !utf8.ValidString(text) {
		return invalid(path, "is not valid UTF-8")
	}
	for _, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return invalid(path, "holds a control character")
		}
	}
	return nil
}

// checkLabel is checkText for names that people type: not empty, one line, no spaces around.
func checkLabel(path, text string) error {
	if text == "" {
		return invalid(path, "is missing")
	}
	if strings.TrimSpace(text) != text || strings.ContainsAny(text, "\n\t") || strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Cf, r) }) {
		return invalid(path, "begins or ends with a space, or holds an invisible character")
	}
	return checkText(path, text, 256)
}

// checkKey is for keys of connections and projects: they stand in addresses and session settings.
func checkKey(path, key string) error {
	ok := key != "" && len(key) <= 64
	for i := 0; ok && i < len(key); i++ {
		c := key[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		ok = letter || i > 0 && strings.IndexByte("._-", c) >= 0
	}
	if !ok {
		return invalid(path, "the key %q is not valid", shorten(key)).
			WithHint("use up to 64 letters, digits, dots, underscores and dashes, beginning with a letter or digit")
	}
	return nil
}

// checkDotted is for tags and purposes: parts joined by dots, none empty.
func checkDotted(path, name string) error {
	if err := checkLabel(path, name); err != nil {
		return err
	}
	if slices.ContainsFunc(strings.Split(name, "."), func(part string) bool { return strings.TrimSpace(part) != part || part == "" }) {
		return invalid(path, "%q has an empty part between its dots", shorten(name))
	}
	return nil
}

// checkTags returns the tags sorted, each once.
func checkTags(path string, tags []stead.Tag) ([]stead.Tag, error) {
	for _, t := range tags {
		if err := checkDotted(path, string(t)); err != nil {
			return nil, err
		}
	}
	return sorted(tags), nil
}

func sorted[T ~string](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	out := slices.Clone(list)
	slices.Sort(out)
	return slices.Compact(out)
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "..."
	}
	return s
}
