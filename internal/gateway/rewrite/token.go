package rewrite

import (
	"strings"
	"unicode/utf8"

	"stead"
	"stead/dialect/duckdb"
)

// tokenKind is what a piece of statement text is.
type tokenKind uint8

const (
	space    tokenKind = iota // white space and comments
	word                      // unquoted identifier or keyword
	quoted                    // "identifier"
	text                      // 'text', E'text', $tag$text$tag$
	number                    // 1, 1.5e3
	param                     // $1
	operator                  // + <= ->> ::
	mark                      // ( ) [ ] { } , ; .
)

type token struct {
	kind tokenKind
	text string // as written
}

// is reports whether the token is this keyword, written without quotes.
func (t token) is(keyword string) bool { return t.kind == word && strings.EqualFold(t.text, keyword) }

// name is the identifier a word or quoted identifier spells, without case; "" for anything else.
func (t token) name() string {
	switch t.kind {
	case word:
		return duckdb.FoldName(t.text)
	case quoted:
		return duckdb.FoldName(strings.ReplaceAll(t.text[1:len(t.text)-1], `""`, `"`))
	}
	return ""
}

const operatorBytes = "+-*/<>=~!@#%^&|`?:"

// tokenize cuts statement text into tokens whose texts joined give the input
// again. It fails on what does not end (a quote, a comment), on NUL and on
// invalid UTF-8.
func tokenize(sql string) ([]token, error) {
	if !utf8.ValidString(sql) || strings.IndexByte(sql, 0) >= 0 {
		return nil, stead.Errorf(stead.Invalid, "the statement is not valid UTF-8 text")
	}
	out := make([]token, 0, len(sql)/4+4)
	for i := 0; i < len(sql); {
		kind, end := next(sql, i)
		if end < 0 {
			return nil, unterminated(kind).At(stead.Place{Line: 1 + strings.Count(sql[:i], "\n")})
		}
		out = append(out, token{kind, sql[i:end]})
		i = end
	}
	return out, nil
}

func unterminated(kind tokenKind) *stead.Error {
	what := map[tokenKind]string{space: "comment", quoted: "quoted identifier", text: "quoted text"}[kind]
	return stead.Errorf(stead.Invalid, "the statement ends inside a %s", what).WithHint("close it")
}

// next finds the token that starts at i; end is -1 where it does not end.
func next(s string, i int) (tokenKind, int) {
	c := s[i]
	rest := s[i:]
	switch {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
		return space, i + 1
	case strings.HasPrefix(rest, "--"):
		if n := strings.IndexAny(rest, "\n\r"); n >= 0 {
			return space, i + n
		}
		return space, len(s)
	case strings.HasPrefix(rest, "/*"):
		return space, blockComment(s, i)
	case c == '\'':
		return text, quotedEnd(s, i+1, '\'', false)
	case (c == 'e' || c == 'E') && len(rest) > 1 && rest[1] == '\'':
		return text, quotedEnd(s, i+2, '\'', true)
	case c == '"':
		return quoted, quotedEnd(s, i+1, '"', false)
	case c == '$':
		return dollar(s, i)
	case c >= '0' && c <= '9' || c == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		return number, numberEnd(s, i)
	case letter(c):
		for i++; i < len(s) && (letter(s[i]) || s[i] >= '0' && s[i] <= '9' || s[i] == '$'); i++ {
		}
		return word, i
	case strings.IndexByte(operatorBytes, c) >= 0:
		for i++; i < len(s) && strings.IndexByte(operatorBytes, s[i]) >= 0; i++ {
		}
		return operator, operatorEnd(s, len(s)-len(rest), i)
	}
	return mark, i + 1
}

func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }

// operatorEnd stops an operator before a comment that starts inside it.
func operatorEnd(s string, from, to int) int {
	for k := from + 1; k < to; k++ {
		if strings.HasPrefix(s[k:], "--") || strings.HasPrefix(s[k:], "/*") {
			return k
		}
	}
	return to
}

// blockComment ends where PostgreSQL's nested comment ends.
func blockComment(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch {
		case strings.HasPrefix(s[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(s[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return -1
}

func quotedEnd(s string, i int, quote byte, escapes bool) int {
	for ; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return -1
}

func dollar(s string, i int) (tokenKind, int) {
	k := i + 1
	if k < len(s) && s[k] >= '0' && s[k] <= '9' {
		for ; k < len(s) && s[k] >= '0' && s[k] <= '9'; k++ {
		}
		return param, k
	}
	for ; k < len(s) && (letter(s[k]) || k > i+1 && s[k] >= '0' && s[k] <= '9'); k++ {
	}
	if k >= len(s) || s[k] != '$' {
		return mark, i + 1
	}
	tag := s[i : k+1]
	n := strings.Index(s[k+1:], tag)
	if n < 0 {
		return text, -1
	}
	return text, k + 1 + n + len(tag)
}

func numberEnd(s string, i int) int {
	for ; i < len(s); i++ {
		c := s[i]
		exponentSign := (c == '+' || c == '-') && (s[i-1] == 'e' || s[i-1] == 'E')
		if !(c >= '0' && c <= '9' || c == '.' || c == '_' || c == 'e' || c == 'E' || exponentSign) {
			return i
		}
	}
	return i
}
