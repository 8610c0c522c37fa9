package expr

import "fmt"

// Limits of a parsed expression.
const (
	MaxDepth = 100
	MaxList  = 10_000
	maxNodes = 50_000
)

// Parse reads an expression: SQL's grammar over the columns of s, the functions of
// the catalogue by name, and the @ functions about the subject. The error is a
// *SyntaxError. The result can have any type; who needs a condition checks for Bool.
func Parse(src string, s Scope) (Node, error) {
	return parseAll(src, s, nil)
}

// ParseSubscription reads a condition of an advanced subscription policy for one
// data source. It names no columns, so it depends on the subject alone.
func ParseSubscription(src string, f SourceFacts) (Node, error) {
	return parseAll(src, Columns{}, &f)
}

func parseAll(src string, s Scope, f *SourceFacts) (Node, error) {
	return parseWith(&parser{src: src, scope: s, source: f})
}

func parseWith(p *parser) (_ Node, err error) {
	if p.toks, err = lex(p.src); err != nil {
		return nil, err
	}
	toks, f := p.toks, p.source
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.peek().kind != endToken {
		return nil, p.fail(p.peek(), "%s is not expected here", p.peek())
	}
	if isBareNull(n) {
		return nil, p.fail(toks[0], bareNullMsg)
	}
	if height(n) > MaxDepth-2 {
		return nil, p.fail(toks[0], "the expression is nested deeper than %d", MaxDepth)
	}
	if f != nil && n.Type().Kind != Bool {
		return nil, p.fail(toks[0], "a condition is wanted, not %s", n.Type())
	}
	return n, nil
}

type parser struct {
	src    string
	toks   []token
	pos    int
	scope  Scope
	source *SourceFacts
	depth  int
	nodes  int
	// untyped lets every type pass: only the grammar and the names of functions are checked.
	untyped bool
}

func (p *parser) peek() token { return p.toks[p.pos] }

func (p *parser) peekAt(n int) token { return p.toks[min(p.pos+n, len(p.toks)-1)] }

func (p *parser) next() token {
	t := p.toks[p.pos]
	if t.kind != endToken {
		p.pos++
	}
	return t
}

func (p *parser) accept(word string) bool {
	if p.peek().is(word) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expect(word string) error {
	if !p.accept(word) {
		return p.fail(p.peek(), "%s is expected, not %s", word, p.peek())
	}
	return nil
}

func (p *parser) fail(t token, format string, args ...any) error {
	return syntaxError(p.src, t.at, fmt.Sprintf(format, args...), nil)
}

// deeper guards every way the grammar can nest.
func (p *parser) deeper(t token) error {
	p.depth++
	if p.depth > MaxDepth {
		return p.fail(t, "the expression is nested deeper than %d", MaxDepth)
	}
	return nil
}

// call makes a call at t; literals take their type from what they stand beside.
func (p *parser) call(t token, f Func, args ...Node) (Node, error) {
	if p.nodes += 1 + len(args); p.nodes > maxNodes {
		return nil, p.fail(t, "the expression has more than %d parts", maxNodes)
	}
	if p.untyped {
		return p.untypedCall(t, f, len(args))
	}
	args, err := adapt(f, args)
	if err != nil {
		return nil, p.fail(t, "%s", err)
	}
	c, err := NewCall(f, args...)
	if err != nil {
		return nil, p.fail(t, "%s", err)
	}
	return c, nil
}

func (p *parser) or() (Node, error) { return p.chain("OR", Or, p.and) }

func (p *parser) and() (Node, error) { return p.chain("AND", And, p.not) }

func (p *parser) chain(word string, f Func, operand func() (Node, error)) (Node, error) {
	first, err := operand()
	if err != nil || !p.peek().is(word) {
		return first, err
	}
	at := p.peek()
	args := []Node{first}
	for p.accept(word) {
		n, err := operand()
		if err != nil {
			return nil, err
		}
		args = append(args, n)
	}
	return p.call(at, f, args...)
}

func (p *parser) not() (Node, error) {
	t := p.peek()
	if !p.accept("NOT") {
		return p.predicate()
	}
	if err := p.deeper(t); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	n, err := p.not()
	if err != nil {
		return nil, err
	}
	return p.call(t, Not, n)
}

var comparisons = map[string]Func{"=": Eq, "<>": Ne, "!=": Ne, "<": Lt, "<=": Le, ">": Gt, ">=": Ge}

func (p *parser) predicate() (Node, error) {
	left, err := p.additive()
	if err != nil {
		return nil, err
	}
	t := p.peek()
	if f, ok := comparisons[t.text]; ok && t.kind == opToken {
		p.pos++
		right, err := p.additive()
		if err != nil {
			return nil, err
		}
		if isBareNull(left) || isBareNull(right) {
			return nil, p.fail(t, "nothing equals NULL; write IS NULL or IS NOT NULL")
		}
		return p.call(t, f, left, right)
	}
	negated := false
	if t.is("NOT") {
		if next := p.peekAt(1); !next.is("IN") && !next.is("BETWEEN") && !next.is("LIKE") {
			return nil, p.fail(t, "NOT is not expected here")
		}
		p.pos++
		negated = true
	}
	n, err := p.predicateTail(left)
	if err != nil || !negated {
		return n, err
	}
	return p.call(t, Not, n)
}

func (p *parser) predicateTail(left Node) (Node, error) {
	t := p.peek()
	switch {
	case p.accept("IS"):
		negated := p.accept("NOT")
		if err := p.expect("NULL"); err != nil {
			return nil, err
		}
		if isBareNull(left) {
			return nil, p.fail(t, bareNullMsg)
		}
		n, err := p.call(t, IsNull, left)
		if err != nil || !negated {
			return n, err
		}
		return p.call(t, Not, n)
	case p.accept("IN"):
		return p.in(t, left)
	case p.accept("BETWEEN"):
		lo, err := p.additive()
		if err != nil {
			return nil, err
		}
		if err := p.expect("AND"); err != nil {
			return nil, err
		}
		hi, err := p.additive()
		if err != nil {
			return nil, err
		}
		return p.call(t, Between, left, lo, hi)
	case p.accept("LIKE"):
		right, err := p.additive()
		if err != nil {
			return nil, err
		}
		if p.peek().is("ESCAPE") {
			return nil, p.fail(p.peek(), "the escape of LIKE is always !")
		}
		return p.call(t, Like, left, right)
	}
	return left, nil
}

func (p *parser) in(t token, left Node) (Node, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	if p.peek().is(")") {
		return nil, p.fail(t, "the list of IN is empty; write FALSE if nothing is meant")
	}
	args, err := p.list()
	if err != nil {
		return nil, err
	}
	return p.call(t, In, append([]Node{left}, args...)...)
}

// list reads expressions up to the closing bracket.
func (p *parser) list() ([]Node, error) {
	var args []Node
	if p.accept(")") {
		return nil, nil
	}
	for {
		n, err := p.or()
		if err != nil {
			return nil, err
		}
		args = append(args, n)
		if len(args) > MaxList {
			return nil, p.fail(p.peek(), "the list is longer than %d", MaxList)
		}
		if p.accept(")") {
			return args, nil
		}
		if !p.accept(",") {
			return nil, p.fail(p.peek(), "a comma or ) is expected, not %s", p.peek())
		}
	}
}

func (p *parser) additive() (Node, error) {
	left, err := p.product()
	for err == nil {
		t := p.peek()
		var f Func
		switch {
		case p.accept("+"):
			f = Add
		case p.accept("-"):
			f = Sub
		case p.accept("||"):
			f = Concat
		default:
			return left, nil
		}
		left, err = p.binary(t, f, left, p.product)
	}
	return nil, err
}

func (p *parser) product() (Node, error) {
	left, err := p.unary()
	for err == nil {
		t := p.peek()
		switch {
		case p.accept("*"):
			left, err = p.binary(t, Mul, left, p.unary)
		case t.is("/"):
			return nil, p.fail(t, "/ differs between engines; write div(x, n) with n above 0")
		case t.is("%"):
			return nil, p.fail(t, "write mod(x, n) with n above 0")
		case t.is("::"):
			return nil, p.fail(t, "write CAST(x AS type), to_text(x), to_int(x) or to_date(x)")
		default:
			return left, nil
		}
	}
	return nil, err
}

func (p *parser) binary(t token, f Func, left Node, operand func() (Node, error)) (Node, error) {
	// A chain leans to the left: it nests as deep as it is long.
	if depthOf(left) >= MaxDepth-4 {
		return nil, p.fail(t, "the expression is nested deeper than %d", MaxDepth)
	}
	right, err := operand()
	if err != nil {
		return nil, err
	}
	return p.call(t, f, left, right)
}

func depthOf(n Node) int {
	d := 0
	for {
		c, ok := n.(Call)
		if !ok {
			return d
		}
		n, d = c.Args[0], d+1
	}
}

// height is how deep an expression nests; one that is printed must read back.
func height(n Node) int {
	h := 0
	switch n := n.(type) {
	case Subject:
		if n.Arg != nil {
			h = height(n.Arg) + 1
		}
	case Call:
		for _, a := range n.Args {
			h = max(h, height(a))
		}
	case Literal, Column, Key:
	}
	return h + 1
}

func (p *parser) unary() (Node, error) {
	t := p.peek()
	switch {
	case p.accept("-"):
		if p.peek().kind == numberToken {
			return p.number(p.next(), true)
		}
		if err := p.deeper(t); err != nil {
			return nil, err
		}
		defer func() { p.depth-- }()
		n, err := p.unary()
		if err != nil {
			return nil, err
		}
		return p.call(t, Sub, IntLit(0), n)
	case p.accept("+"):
		if p.peek().kind != numberToken {
			return nil, p.fail(t, "+ is not expected here")
		}
		return p.number(p.next(), false)
	}
	return p.primary()
}

func (p *parser) primary() (Node, error) {
	t := p.peek()
	if err := p.deeper(t); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	switch t.kind {
	case numberToken:
		p.pos++
		return p.number(t, false)
	case stringToken:
		p.pos++
		return TextLit(t.text), nil
	case atToken:
		p.pos++
		return p.subject(t)
	case quotedToken:
		p.pos++
		return p.column(t)
	case wordToken:
		return p.word(t)
	}
	if p.accept("(") {
		n, err := p.or()
		if err != nil {
			return nil, err
		}
		return n, p.expect(")")
	}
	return nil, p.fail(t, "a value is expected, not %s", t)
}

// word reads what starts with a bare word: a constant, CASE, CAST, a call, a typed
// literal, or a column.
func (p *parser) word(t token) (Node, error) {
	switch {
	case p.startsType():
		return p.typedLiteral()
	case p.peekAt(1).is("(") && !reserved[lowerASCII(t.text)]:
		return p.function(t)
	}
	p.pos++
	switch {
	case t.is("TRUE"):
		return True, nil
	case t.is("FALSE"):
		return False, nil
	case t.is("NULL"):
		return bareNull, nil
	case t.is("CASE"):
		return p.caseWhen(t)
	}
	if reserved[lowerASCII(t.text)] {
		return nil, p.fail(t, "%s is not expected here; a column of that name is written \"%s\"", t.text, t.text)
	}
	return p.column(t)
}

var reserved = map[string]bool{
	"and": true, "or": true, "not": true, "in": true, "between": true, "like": true, "is": true, "null": true, "when": true,
	"then": true, "else": true, "end": true, "as": true, "escape": true, "select": true, "from": true, "where": true, "exists": true,
}

func (p *parser) column(t token) (Node, error) {
	if p.peek().is(".") {
		return nil, p.fail(p.peek(), "columns are named without their table")
	}
	if c, ok := p.scope.Column(t.text); ok {
		return c, nil
	}
	if folded, ok := p.scope.(FoldedScope); ok && t.kind == wordToken {
		switch found := folded.Folded(t.text); len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return nil, p.fail(t, "%d columns are named %q when letter case is ignored; write the one you mean in \"quotes\"", len(found), t.text)
		}
	}
	hint := ""
	if t.kind == quotedToken {
		hint = "; a text is written in 'single quotes'"
	}
	return nil, p.fail(t, "there is no column %q%s", t.text, hint)
}

// functionNamed finds a function as a text writes it, without letter case.
func functionNamed(name string) (Func, bool) {
	f := Func(lowerASCII(name))
	_, ok := arity[f]
	return f, ok
}
