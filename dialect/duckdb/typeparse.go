package duckdb

import (
	"strings"
)

func (p *typeParser) rest() string { return strings.TrimSpace(p.src[p.pos:]) }

func (p *typeParser) space() {
	for p.pos < len(p.src) && p.src[p.pos] == ' ' {
		p.pos++
	}
}

func (p *typeParser) eat(c byte) bool {
	p.space()
	if p.pos < len(p.src) && p.src[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// words reads the words of a name, in upper case: "TIMESTAMP WITH TIME ZONE".
func (p *typeParser) words() string {
	start := p.pos
	for p.pos < len(p.src) && (isWord(p.src[p.pos]) || p.src[p.pos] == ' ') {
		p.pos++
	}
	return strings.ToUpper(strings.Join(strings.Fields(p.src[start:p.pos]), " "))
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (p *typeParser) digits() string {
	p.space()
	start := p.pos
	for p.pos < len(p.src) && p.src[p.pos] >= '0' && p.src[p.pos] <= '9' {
		p.pos++
	}
	return p.src[start:p.pos]
}

// name reads a field's name, quoted or one bare word.
func (p *typeParser) name() (string, bool) {
	p.space()
	if p.pos >= len(p.src) || p.src[p.pos] != '"' {
		start := p.pos
		for p.pos < len(p.src) && isWord(p.src[p.pos]) {
			p.pos++
		}
		return p.src[start:p.pos], p.pos > start
	}
	start := p.pos
	if !p.skipQuoted('"') {
		return "", false
	}
	return strings.ReplaceAll(p.src[start+1:p.pos-1], `""`, `"`), true
}

func (p *typeParser) skipQuoted(q byte) bool {
	for p.pos++; p.pos < len(p.src); p.pos++ {
		if p.src[p.pos] != q {
			continue
		}
		if p.pos++; p.pos >= len(p.src) || p.src[p.pos] != q {
			return true
		}
	}
	return false
}

// skipParens passes a parenthesis with what is nested and quoted in it.
func (p *typeParser) skipParens() bool {
	p.space()
	depth := 0
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				p.pos++
				return true
			}
		case '\'', '"':
			if !p.skipQuoted(c) {
				return false
			}
			continue
		}
		if depth == 0 {
			return false
		}
		p.pos++
	}
	return false
}
