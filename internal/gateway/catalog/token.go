package catalog

import (
	"strings"
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
