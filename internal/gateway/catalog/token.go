package catalog

import (
	"strings"

	"stead"
)

// token is a piece of a statement; the pieces joined are the statement.
type token struct {
	kind tokenKind
	text string
}

type tokenKind uint8

const (
	space  tokenKind = iota // blanks and comments
	word                    // identifier or keyword
	quoted                  // "identifier"
	text                    // string of any spelling
	symbol                  // an operator, or one character
)

const operatorChars = "+-*/<>=~!@#%^&|`?:"

// scan splits a statement. Unterminated strings and comments end with the statement:
// the parser says what is wrong with them.
func scan(sql string) []token {
	var all []token
	for len(sql) > 0 {
		n, kind := next(sql)
		all = append(all, token{kind, sql[:n]})
		sql = sql[n:]
	}
	return all
}

func next(s string) (int, tokenKind) {
	c := s[0]
	switch {
	case strings.IndexByte(" \t\r\n\f\v", c) >= 0:
		return 1, space
	case strings.HasPrefix(s, "--"):
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			return i + 1, space
		}
		return len(s), space
	case strings.HasPrefix(s, "/*"):
		return comment(s), space
	case c == '\'':
		return delimited(s, 1, '\'', false), text
	case (c == 'E' || c == 'e') && len(s) > 1 && s[1] == '\'':
		return delimited(s, 2, '\'', true), text
	case c == '"':
		return delimited(s, 1, '"', false), quoted
	case c == '$':
		return dollar(s)
	case isWord(c):
		i := 1
		for i < len(s) && (isWord(s[i]) || s[i] == '$') {
			i++
		}
		return i, word
	case strings.IndexByte(operatorChars, c) >= 0:
		i := 1
		for i < len(s) && strings.IndexByte(operatorChars, s[i]) >= 0 && !strings.HasPrefix(s[i:], "--") && !strings.HasPrefix(s[i:], "/*") {
			i++
		}
		return i, symbol
	default:
		return 1, symbol
	}
}

func isWord(c byte) bool {
	return c == '_' || c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// delimited ends after the closing delimiter; a doubled one stands for itself.
func delimited(s string, i int, end byte, escapes bool) int {
	for ; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] != end:
		case i+1 < len(s) && s[i+1] == end:
			i++
		default:
			return i + 1
		}
	}
	return len(s)
}

// dollar is a parameter or a $tag$string$tag$.
func dollar(s string) (int, tokenKind) {
	i := 1
	for i < len(s) && isWord(s[i]) {
		i++
	}
	if i < len(s) && s[i] == '$' && (i == 1 || s[1] < '0' || s[1] > '9') {
		tag := s[:i+1]
		if end := strings.Index(s[i+1:], tag); end >= 0 {
			return i + 1 + end + len(tag), text
		}
		return len(s), text
	}
	return i, word
}

func comment(s string) int {
	depth := 1
	for i := 2; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "/*"):
			depth++
			i++
		case strings.HasPrefix(s[i:], "*/"):
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// repair respells what DuckDB's parser does not read, or reads and then forgets: comments,
// OPERATOR(schema.op), schemas of types, collations. SIMILAR TO is refused, because the
// parser gives it the same tree as the operator ~.
func repair(sql string) (string, error) {
	var in []token
	for _, t := range scan(sql) {
		if t.kind != space {
			in = append(in, t)
		}
	}
	var b strings.Builder
	for i := 0; i < len(in); i++ {
		switch {
		case is(in, i, "operator", "("):
			op, n := operator(in[i+2:])
			if n == 0 {
				return "", stead.Errorf(stead.Invalid, "OPERATOR() needs one operator")
			}
			b.WriteString(op + " ")
			i += n + 1
			continue
		case is(in, i, "collate"):
			i++
			for i+2 < len(in) && in[i+1].text == "." {
				i += 2
			}
			continue
		case is(in, i, "similar", "to"):
			return "", stead.Errorf(stead.Unsupported, "SIMILAR TO is not available in catalogue queries").WithHint("use LIKE or ~")
		}
		b.WriteString(in[i].text + " ")
		if typeFollows(in, i) {
			i += 2
		}
	}
	return b.String(), nil
}

// typeFollows: after :: and AS only a type can be qualified by pg_catalog.
func typeFollows(in []token, i int) bool {
	if in[i].text != "::" && !is(in, i, "as") {
		return false
	}
	return is(in, i+1, "pg_catalog", ".") || is(in, i+1, "information_schema", ".")
}

// operator reads "schema . op )" and returns the operator and how many tokens it took.
func operator(in []token) (string, int) {
	n := 0
	for n+1 < len(in) && in[n].kind != symbol && in[n+1].text == "." {
		n += 2
	}
	if n+1 < len(in) && in[n].kind == symbol && in[n+1].text == ")" {
		return in[n].text, n + 2
	}
	return "", 0
}

// is reports whether the tokens at i are these words or symbols, in any letter case.
func is(in []token, i int, want ...string) bool {
	if i+len(want) > len(in) {
		return false
	}
	for j, w := range want {
		t := in[i+j]
		name := t.text
		if t.kind == quoted && w == "pg_catalog" {
			name = strings.Trim(name, `"`)
		}
		if t.kind == text || !strings.EqualFold(name, w) {
			return false
		}
	}
	return true
}
