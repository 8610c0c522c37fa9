package gateway

import "strings"

// tokenKind tells tokens apart. The zero kind is the end of the text.
type tokenKind uint8

const (
	endToken    tokenKind = iota
	wordToken             // unquoted; text is in lower case
	nameToken             // "quoted", unescaped
	textToken             // 'text', E'text', $$text$$, unescaped
	numberToken           // starts with a digit, or with a point and a digit
	paramToken            // $1
	markToken             // one byte of anything else
	badToken              // an unterminated quotation or comment; text says which
)

type token struct {
	kind     tokenKind
	text     string
	from, to int // in the statement's bytes
}

func (t token) is(word string) bool { return t.kind == wordToken && t.text == word }
func (t token) mark(m string) bool  { return t.kind == markToken && t.text == m }

// lexer cuts a statement into tokens as PostgreSQL does with standard_conforming_strings. It
// serves what the gateway answers itself; a statement about data is read by the planner.
type lexer struct {
	src string
	at  int
}

func (l *lexer) next() token {
	if bad := l.space(); bad.kind != endToken {
		return bad
	}
	from := l.at
	if from >= len(l.src) {
		return token{from: from, to: from}
	}
	t := l.scan(l.src[from])
	t.from, t.to = from, l.at
	return t
}

func (l *lexer) scan(b byte) token {
	switch {
	case b == '\'':
		return l.quoted('\'', textToken, false)
	case b == '"':
		return l.quoted('"', nameToken, false)
	case (b == 'e' || b == 'E') && l.peek(1) == '\'':
		l.at++
		return l.quoted('\'', textToken, true)
	case b == '$':
		return l.dollar()
	case isDigit(b) || b == '.' && isDigit(l.peek(1)):
		return l.number()
	case isLetter(b):
		from := l.at
		for l.at < len(l.src) && (isLetter(l.src[l.at]) || isDigit(l.src[l.at]) || l.src[l.at] == '$') {
			l.at++
		}
		return token{kind: wordToken, text: strings.ToLower(l.src[from:l.at])}
	}
	l.at++
	return token{kind: markToken, text: l.src[l.at-1 : l.at]}
}

func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.src) {
		return l.src[l.at+n]
	}
	return 0
}

// space skips white space and comments; comments nest.
func (l *lexer) space() token {
	for l.at < len(l.src) {
		switch b := l.src[l.at]; {
		case b == ' ' || b >= '\t' && b <= '\r':
			l.at++
		case b == '-' && l.peek(1) == '-':
			end := strings.IndexAny(l.src[l.at:], "\n\r")
			if end < 0 {
				end = len(l.src) - l.at
			}
			l.at += end
		case b == '/' && l.peek(1) == '*':
			from := l.at
			if !l.comment() {
				return token{kind: badToken, text: "comment", from: from, to: l.at}
			}
		default:
			return token{}
		}
	}
	return token{}
}

func (l *lexer) comment() bool {
	depth := 0
	for l.at < len(l.src) {
		switch {
		case l.src[l.at] == '/' && l.peek(1) == '*':
			depth++
			l.at += 2
		case l.src[l.at] == '*' && l.peek(1) == '/':
			depth--
			l.at += 2
			if depth == 0 {
				return true
			}
		default:
			l.at++
		}
	}
	return false
}

func (l *lexer) quoted(q byte, kind tokenKind, escapes bool) token {
	var b strings.Builder
	for l.at++; l.at < len(l.src); l.at++ {
		ch := l.src[l.at]
		switch {
		case ch == q && l.peek(1) == q:
			l.at++
		case ch == q:
			l.at++
			return token{kind: kind, text: b.String()}
		case ch == '\\' && escapes && l.at+1 < len(l.src):
			l.at++
			ch = unescape(l.src[l.at])
		}
		b.WriteByte(ch)
	}
	return token{kind: badToken, text: "quotation"}
}

// unescape knows the simple escapes; numeric ones stay as the digit, which no setting needs.
func unescape(b byte) byte {
	switch b {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	}
	return b
}

// dollar reads $1 or $tag$text$tag$.
func (l *lexer) dollar() token {
	from := l.at
	l.at++
	if isDigit(l.peek(0)) {
		for isDigit(l.peek(0)) {
			l.at++
		}
		return token{kind: paramToken, text: l.src[from:l.at]}
	}
	for isLetter(l.peek(0)) || isDigit(l.peek(0)) {
		l.at++
	}
	if l.peek(0) != '$' {
		l.at = from + 1
		return token{kind: markToken, text: "$"}
	}
	l.at++
	tag := l.src[from:l.at]
	end := strings.Index(l.src[l.at:], tag)
	if end < 0 {
		l.at = len(l.src)
		return token{kind: badToken, text: "quotation"}
	}
	text := l.src[l.at : l.at+end]
	l.at += end + len(tag)
	return token{kind: textToken, text: text}
}

func (l *lexer) number() token {
	from := l.at
	for l.at < len(l.src) && (isDigit(l.src[l.at]) || isLetter(l.src[l.at]) || l.src[l.at] == '.' ||
		(l.src[l.at] == '-' || l.src[l.at] == '+') && (l.src[l.at-1]|0x20) == 'e') {
		l.at++
	}
	return token{kind: numberToken, text: l.src[from:l.at]}
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
func isLetter(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b >= 0x80
}

// splitStatements cuts a text at its semicolons and leaves out what is empty, and the space and
// comments around each statement.
func splitStatements(src string) ([]string, error) {
	var parts []string
	l := lexer{src: src}
	from, to := -1, 0
	for {
		t := l.next()
		switch {
		case t.kind == badToken:
			return nil, failUnterminated(t)
		case t.kind == endToken || t.mark(";"):
			if from >= 0 {
				parts = append(parts, src[from:to])
			}
			if t.kind == endToken {
				return parts, nil
			}
			from = -1
		default:
			if from < 0 {
				from = t.from
			}
			to = t.to
		}
	}
}

func failUnterminated(t token) error { return syntaxf("unterminated %s in the statement", t.text) }
