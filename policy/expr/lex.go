package expr

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxText is the longest expression text, in bytes.
const MaxText = 1 << 18

// SyntaxError says what is wrong with an expression text and where.
type SyntaxError struct {
	Offset       int // in bytes, from 0
	Line, Column int // from 1, in characters
	Msg          string
	Err          error // an UntaggedError, or nil
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Msg)
}

// Unwrap gives the cause, if it is one a caller may want to recognise.
func (e *SyntaxError) Unwrap() error { return e.Err }

func syntaxError(src string, offset int, msg string, cause error) *SyntaxError {
	before := src[:offset]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return &SyntaxError{Offset: offset, Line: line, Column: column, Msg: msg, Err: cause}
}

type tokenKind uint8

const (
	endToken tokenKind = iota
	wordToken
	quotedToken // "identifier"
	stringToken
	numberToken
	atToken // @name
	opToken
)

type token struct {
	kind tokenKind
	text string // unescaped; of a number as written
	at   int
	end  int
}

// is reports whether the token is this keyword or operator.
func (t token) is(word string) bool {
	return t.kind == opToken && t.text == word || t.kind == wordToken && equalFoldASCII(t.text, word)
}

func (t token) String() string {
	switch t.kind {
	case endToken:
		return "the end"
	case stringToken:
		return "a text"
	case atToken:
		return "@" + t.text
	default:
		return t.text
	}
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 32
		}
		return r
	}, s)
}

func equalFoldASCII(a, b string) bool {
	return len(a) == len(b) && lowerASCII(a) == lowerASCII(b)
}

func lex(src string) ([]token, error) {
	if len(src) > MaxText {
		return nil, syntaxError("", 0, fmt.Sprintf("the text is longer than %d bytes", MaxText), nil)
	}
	if !utf8.ValidString(src) {
		return nil, syntaxError("", 0, "the text is not valid UTF-8", nil)
	}
	l := lexer{src: src}
	var out []token
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		out = append(out, t)
		if t.kind == endToken {
			return out, nil
		}
	}
}

type lexer struct {
	src string
	pos int
}

func (l *lexer) fail(at int, msg string) error { return syntaxError(l.src, at, msg, nil) }

func (l *lexer) next() (token, error) {
	for l.pos < len(l.src) && strings.IndexByte(" \t\r\n", l.src[l.pos]) >= 0 {
		l.pos++
	}
	at := l.pos
	if at == len(l.src) {
		return token{kind: endToken, at: at, end: at}, nil
	}
	switch c := l.src[at]; {
	case c == '\'':
		return l.quoted(stringToken, '\'', "the text is not closed; a quote inside is written ''")
	case c == '"':
		return l.quoted(quotedToken, '"', `the name is not closed; a " inside is written ""`)
	case isDigit(c) || c == '.' && at+1 < len(l.src) && isDigit(l.src[at+1]):
		return l.number()
	case isWordByte(c):
		return token{wordToken, l.word(), at, l.pos}, nil
	case c == '@' && at+1 < len(l.src) && isWordByte(l.src[at+1]):
		l.pos++
		return token{atToken, l.word(), at, l.pos}, nil
	}
	return l.operator()
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

func (l *lexer) word() string {
	at := l.pos
	for l.pos < len(l.src) && (isWordByte(l.src[l.pos]) || isDigit(l.src[l.pos])) {
		l.pos++
	}
	return l.src[at:l.pos]
}

var operators = []string{"<>", "!=", "<=", ">=", "||", "::", "=", "<", ">", "(", ")", ",", "+", "-", "*", "/", "%", "@", "."}

func (l *lexer) operator() (token, error) {
	at := l.pos
	rest := l.src[at:]
	if strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*") {
		return token{}, l.fail(at, "comments are not part of the language")
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			l.pos += len(op)
			return token{opToken, op, at, l.pos}, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return token{}, l.fail(at, fmt.Sprintf("%q is not expected here", r))
}

func (l *lexer) number() (token, error) {
	at := l.pos
	l.digits()
	if l.at('.') {
		l.pos++
		l.digits()
	}
	if l.at('e') || l.at('E') {
		l.pos++
		if l.at('-') || l.at('+') {
			l.pos++
		}
		if l.pos >= len(l.src) || !isDigit(l.src[l.pos]) {
			return token{}, l.fail(at, "the number has no digits after e")
		}
		l.digits()
	}
	if l.pos < len(l.src) && (isWordByte(l.src[l.pos]) || l.src[l.pos] == '.') {
		return token{}, l.fail(at, "the number is not closed")
	}
	return token{numberToken, l.src[at:l.pos], at, l.pos}, nil
}

func (l *lexer) at(c byte) bool { return l.pos < len(l.src) && l.src[l.pos] == c }

func (l *lexer) digits() {
	for l.pos < len(l.src) && isDigit(l.src[l.pos]) {
		l.pos++
	}
}

// quoted reads up to the closing quote; a doubled quote stands for itself. In texts a
// backslash stands for the backslash, quote or backtick after it (\'\' is one quote,
// as payloads write it) and for itself before anything else.
func (l *lexer) quoted(kind tokenKind, quote byte, open string) (token, error) {
	at := l.pos
	var b strings.Builder
	for l.pos++; l.pos < len(l.src); l.pos++ {
		rest := l.src[l.pos:]
		switch {
		case kind == stringToken && strings.HasPrefix(rest, `\'\'`):
			b.WriteByte('\'')
			l.pos += 3
		case kind == stringToken && rest[0] == '\\' && len(rest) > 1 && strings.IndexByte("\\'\"`", rest[1]) >= 0:
			b.WriteByte(rest[1])
			l.pos++
		case rest[0] == quote && len(rest) > 1 && rest[1] == quote:
			b.WriteByte(quote)
			l.pos++
		case rest[0] == quote:
			l.pos++
			if b.Len() == 0 && kind == quotedToken {
				return token{}, l.fail(at, "the name is empty")
			}
			return token{kind, b.String(), at, l.pos}, nil
		default:
			b.WriteByte(rest[0])
		}
	}
	return token{}, l.fail(at, open)
}
