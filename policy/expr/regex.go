package expr

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Limits of the portable pattern grammar.
const (
	maxPattern   = 1000 // bytes
	maxRepeat    = 255
	maxExpanded  = 1000 // atoms after every count is written out
	maxUnbounded = 2    // * + {n,}, each counted as often as its group repeats
)

// Pattern is a pattern of the portable grammar, taken apart as printers need it.
// Start and End say that it is held to the ends of the whole text; Body has
// neither ^ nor $ and means the same on every engine when . matches new lines.
type Pattern struct {
	Body       string
	Start, End bool
	empty      bool // can match the empty text
}

// CheckPattern reports whether p is a portable pattern: no alternation, no groups
// of variable count, no look-around, back-references, classes by name or flags.
func CheckPattern(p string) error {
	_, err := ParsePattern(p)
	return err
}

// CheckReplacePattern is CheckPattern for a pattern whose matches are replaced:
// it may not match the empty text, which engines disagree about.
func CheckReplacePattern(p string) error {
	pat, err := ParsePattern(p)
	if err == nil && pat.empty {
		err = errors.New("a pattern to replace must not match the empty text")
	}
	return err
}

// ParsePattern takes a portable pattern apart, or says what is not portable about it.
func ParsePattern(p string) (Pattern, error) {
	switch {
	case len(p) > maxPattern:
		return Pattern{}, fmt.Errorf("the pattern is longer than %d bytes", maxPattern)
	case !utf8.ValidString(p) || strings.ContainsRune(p, 0):
		return Pattern{}, errors.New("the pattern is not valid text")
	}
	out := Pattern{Body: p}
	out.Body, out.Start = strings.CutPrefix(out.Body, "^")
	if body, ok := strings.CutSuffix(out.Body, "$"); ok && !oddBackslashes(body) {
		out.Body, out.End = body, true
	}
	r := patternReader{src: []rune(out.Body)}
	least, err := r.items(1, 0)
	if err != nil {
		return Pattern{}, fmt.Errorf("pattern, character %d: %w", r.pos+1+boolInt(out.Start), err)
	}
	out.empty = least == 0
	// The grammar is a subset of this syntax; a pattern it refuses is a gap of the reader.
	if _, err := regexp.Compile(out.Body); err != nil {
		return Pattern{}, errors.New("the pattern cannot be compiled")
	}
	return out, nil
}

func oddBackslashes(s string) bool {
	return (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

type patternReader struct {
	src       []rune
	pos       int
	atoms     int
	unbounded int
}

func (r *patternReader) peek() rune {
	if r.pos < len(r.src) {
		return r.src[r.pos]
	}
	return -1
}

func (r *patternReader) has(prefix string) bool {
	return strings.HasPrefix(string(r.src[r.pos:min(r.pos+len(prefix), len(r.src))]), prefix)
}

// items reads one or more items up to the end or a closing bracket and returns the
// least number of characters they match. times is how often the group repeats.
func (r *patternReader) items(times, depth int) (int, error) {
	least, count := 0, 0
	for r.pos < len(r.src) && r.peek() != ')' {
		n, err := r.item(times, depth)
		if err != nil {
			return 0, err
		}
		least += n
		count++
	}
	switch {
	case count == 0:
		return 0, errors.New("something to match is missing")
	case depth == 0 && r.peek() == ')':
		return 0, errors.New("write \\) for a bracket")
	}
	return least, nil
}

func (r *patternReader) item(times, depth int) (int, error) {
	if r.peek() == '(' {
		return r.group(times, depth)
	}
	if err := r.atom(); err != nil {
		return 0, err
	}
	lo, hi, err := r.quantifier()
	if err != nil {
		return 0, err
	}
	if hi < 0 {
		r.unbounded += times
	}
	r.atoms += times * max(lo, hi, 1)
	switch {
	case r.unbounded > maxUnbounded:
		return 0, fmt.Errorf("more than %d of * + {n,}", maxUnbounded)
	case r.atoms > maxExpanded:
		return 0, errors.New("the counts of the pattern are too large together")
	}
	return lo, nil
}

// group reads (?:...) and its fixed count. The count stands behind the group but is
// needed inside it, so it is found first.
func (r *patternReader) group(times, depth int) (int, error) {
	if !r.has("(?:") {
		return 0, errors.New("only (?:...) groups are portable; write \\( for a bracket")
	}
	if depth >= 8 {
		return 0, errors.New("groups are nested too deeply")
	}
	r.pos += 3
	start := *r
	if _, err := r.items(times, depth+1); err != nil {
		return 0, err
	}
	if r.peek() != ')' {
		return 0, errors.New("the group is not closed")
	}
	r.pos++
	n, err := r.count()
	if err != nil {
		return 0, err
	}
	end := r.pos
	if n > 1 && times > 1 {
		return 0, errors.New("a counted group cannot be inside another")
	}
	*r = start
	least, err := r.items(times*n, depth+1)
	r.pos = end
	return least * n, err
}

// count reads the fixed count of a group; without one it is 1.
func (r *patternReader) count() (int, error) {
	if c := r.peek(); c == '*' || c == '+' || c == '?' {
		return 0, errors.New("a group of variable count is not portable")
	}
	lo, hi, err := r.quantifier()
	switch {
	case err != nil:
		return 0, err
	case lo != hi || lo == 0:
		return 0, errors.New("a group may only have a fixed count of 1 or more")
	}
	return lo, nil
}

const metaRunes = `.*+?$^()[]{}|\`

func (r *patternReader) atom() error {
	c := r.peek()
	switch {
	case c == '\\':
		if r.pos+1 >= len(r.src) || !strings.ContainsRune(metaRunes, r.src[r.pos+1]) {
			return errors.New(`after \ only one of . * + ? $ ^ ( ) [ ] { } | \ is portable`)
		}
		r.pos += 2
		return nil
	case c == '[':
		r.pos++
		return r.set()
	case c == '|':
		return errors.New("alternation is not portable")
	case c != '.' && strings.ContainsRune(metaRunes, c):
		return fmt.Errorf("%c is not expected here; write \\%c for the character itself", c, c)
	}
	r.pos++
	return nil
}

func (r *patternReader) set() error {
	if r.peek() == '^' {
		r.pos++
	}
	for n := 0; ; n++ {
		if r.peek() == ']' && n > 0 {
			r.pos++
			return nil
		}
		lo, err := r.member()
		if err != nil {
			return err
		}
		if r.peek() != '-' {
			continue
		}
		r.pos++
		hi, err := r.member()
		if err != nil {
			return err
		}
		if hi < lo {
			return errors.New("the range runs backwards")
		}
	}
}

func (r *patternReader) member() (rune, error) {
	c := r.peek()
	if c < 0 {
		return 0, errors.New("the set is not closed")
	}
	if strings.ContainsRune(`[]\&~^-`, c) {
		return 0, fmt.Errorf("%c inside [...] is not portable", c)
	}
	r.pos++
	return c, nil
}

// quantifier reads ? * + {n} {n,} {n,m}; hi < 0 is unbounded, none is once.
func (r *patternReader) quantifier() (lo, hi int, err error) {
	switch r.peek() {
	case '?':
		r.pos++
		return 0, 1, nil
	case '*':
		r.pos++
		return 0, -1, nil
	case '+':
		r.pos++
		return 1, -1, nil
	case '{':
		r.pos++
		return r.braces()
	default:
		return 1, 1, nil
	}
}

func (r *patternReader) braces() (lo, hi int, err error) {
	if lo, err = r.number(); err != nil {
		return 0, 0, err
	}
	hi = lo
	if r.peek() == ',' {
		r.pos++
		hi = -1
		if r.peek() != '}' {
			if hi, err = r.number(); err != nil {
				return 0, 0, err
			}
		}
	}
	switch {
	case r.peek() != '}':
		return 0, 0, errors.New("a count is written {n}, {n,} or {n,m}")
	case hi >= 0 && hi < lo, hi == 0:
		return 0, 0, errors.New("the count's upper bound is too small")
	}
	r.pos++
	return lo, hi, nil
}

func (r *patternReader) number() (int, error) {
	n, start := 0, r.pos
	for c := r.peek(); c >= '0' && c <= '9'; c = r.peek() {
		n = n*10 + int(c-'0')
		if n > maxRepeat {
			return 0, fmt.Errorf("a count is at most %d", maxRepeat)
		}
		r.pos++
	}
	if r.pos == start {
		return 0, errors.New("a count is written {n}, {n,} or {n,m}")
	}
	return n, nil
}
