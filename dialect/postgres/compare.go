package postgres

import (
	"strings"

	"stead/dialect"
	"stead/policy/expr"
)

var comparisons = map[expr.Func]string{expr.Eq: "=", expr.Ne: "<>", expr.Lt: "<", expr.Le: "<=", expr.Gt: ">", expr.Ge: ">="}

// compare is three-valued.
func (p Printer) compare(f expr.Func, a, b expr.Node) (string, error) {
	if f == expr.Same { // IS NOT DISTINCT FROM would look for its operator on the search path
		return p.same(a, b)
	}
	if !equality(f) {
		return p.plain(f, a, b, p.Expr)
	}
	if x, l, ok := beside(a, b); ok && x.Type().Kind != expr.Decimal {
		return p.equal(f, x, l, p.Expr)
	}
	if s, ok, err := p.name(f, a, b); ok {
		return s, err
	}
	return p.plain(f, a, b, p.Expr)
}

func equality(f expr.Func) bool { return f == expr.Eq || f == expr.Ne }

// plain compares what print gives; a NaN has no order.
func (p Printer) plain(f expr.Func, a, b expr.Node, print func(expr.Node) (string, error)) (string, error) {
	name, ok := comparisons[f]
	if !ok {
		return "", unsupported("the comparison %q is not available on PostgreSQL", string(f))
	}
	x, y, err := p.pair(a, b, print)
	if err != nil {
		return "", err
	}
	s := op(x, name, y)
	if a.Type().Kind == expr.Float {
		number, t := x, a.Type()
		if _, ok := a.(expr.Literal); ok {
			number, t = y, b.Type()
		}
		return when(notNaN(number, t), s), nil
	}
	return s, nil
}

// compareHolds is the comparison where FALSE and NULL mean the same. NaN is above every number and equal
// to itself, so what could be TRUE for it is asked for besides.
func (p Printer) compareHolds(f expr.Func, a, b expr.Node) (string, error) {
	if equality(f) {
		if x, l, ok := beside(a, b); ok && (f == expr.Eq || x.Type().Kind != expr.Decimal) {
			return p.equal(f, x, l, p.bare)
		}
	}
	kind := a.Type().Kind
	if kind != expr.Float && kind != expr.Decimal && b.Type().Kind != expr.Decimal || f == expr.Same {
		return p.compare(f, a, b)
	}
	name, ok := comparisons[f]
	if !ok {
		return "", unsupported("the comparison %q is not available on PostgreSQL", string(f))
	}
	x, y, err := p.pair(a, b, p.bare)
	if err != nil {
		return "", err
	}
	s := op(x, name, y)
	above := f == expr.Gt || f == expr.Ge || f == expr.Ne
	below := f == expr.Lt || f == expr.Le || f == expr.Ne
	both := mayBeNaN(a) && mayBeNaN(b)
	if mayBeNaN(a) && (above || both) {
		s = "(" + s + " AND " + notNaN(x, a.Type()) + ")"
	}
	if mayBeNaN(b) && (below || both) {
		s = "(" + s + " AND " + notNaN(y, b.Type()) + ")"
	}
	return s, nil
}

// mayBeNaN tells of what bare prints.
func mayBeNaN(n expr.Node) bool {
	_, column := n.(expr.Column)
	_, literal := n.(expr.Literal)
	return column && n.Type().Kind == expr.Decimal || !literal && n.Type().Kind == expr.Float
}

func notNaN(x string, t expr.Type) string {
	name := "pg_catalog.numeric"
	if t.Kind == expr.Float {
		name = "pg_catalog.float8"
	}
	return op(x, "<", cast("'NaN'", name))
}

func (p Printer) same(a, b expr.Node) (string, error) {
	x, y, err := p.pair(a, b, p.Expr)
	if err != nil {
		return "", err
	}
	return "coalesce(" + op(x, "=", y) + ", (" + x + " IS NULL) AND (" + y + " IS NULL))", nil
}

// pair prints two nodes such that PostgreSQL compares them in one type.
func (p Printer) pair(a, b expr.Node, print func(expr.Node) (string, error)) (string, string, error) {
	a, b = dialect.AsLike(a, b), dialect.AsLike(b, a)
	if a.Type().Kind == expr.Text { // bare columns may have two collations, neither of them ours
		print = p.Expr
	}
	x, err := print(a)
	if err != nil {
		return "", "", err
	}
	y, err := print(b)
	if err != nil {
		return "", "", err
	}
	switch ka, kb := a.Type().Kind, b.Type().Kind; {
	case ka == expr.Int && kb == expr.Decimal:
		x = cast(x, "pg_catalog.numeric")
	case ka == expr.Decimal && kb == expr.Int:
		y = cast(y, "pg_catalog.numeric")
	}
	return x, y, nil
}

// beside is the pair of something and a literal that is not NULL, if a and b are one.
func beside(a, b expr.Node) (expr.Node, expr.Literal, bool) {
	if l, ok := b.(expr.Literal); ok && l.Value.Valid {
		return a, l, true
	}
	l, ok := a.(expr.Literal)
	return b, l, ok && l.Value.Valid
}

func (p Printer) equal(f expr.Func, x expr.Node, l expr.Literal, print func(expr.Node) (string, error)) (string, error) {
	if f == expr.Eq {
		return p.in(x, []expr.Node{l}, print)
	}
	s, c, err := p.listed(x, []expr.Node{l}, print)
	if err != nil || len(c.items) == 0 {
		return when("("+s+" IS NOT NULL)", "TRUE"), err
	}
	return op(s, "<>", c.one()), nil
}

// name compares a column with the subject's name; neither is wrapped, so that indexes serve it.
func (p Printer) name(f expr.Func, a, b expr.Node) (string, bool, error) {
	c, ok := a.(expr.Column)
	s, subject := b.(expr.Subject)
	if !ok {
		c, ok = b.(expr.Column)
		s, subject = a.(expr.Subject)
	}
	if !ok || !subject || !p.plainText(c) {
		return "", false, nil
	}
	sql, err := p.asked(s, false)
	return op(p.raw(c), comparisons[f], sql), true, err
}

// in prints a list of literals. What is no value of x's type cannot be in the list.
func (p Printer) in(x expr.Node, list []expr.Node, print func(expr.Node) (string, error)) (string, error) {
	s, c, err := p.listed(x, list, print)
	switch {
	case err != nil:
		return "", err
	case len(c.items) == 0:
		return when("("+s+" IS NOT NULL)", "FALSE"), nil
	case len(c.items) == 1:
		return op(s, "=", c.one()), nil
	}
	return "(" + s + " " + operator("=") + " ANY (" + c.all() + "))", nil
}

// constants are a list of one type. elem, where it is not empty, is what the items are to be cast to.
type constants struct {
	items []string
	elem  string
}

func (c constants) one() string {
	if c.elem == "" {
		return c.items[0]
	}
	return cast(c.items[0], c.elem)
}

func (c constants) all() string {
	array := "ARRAY[" + strings.Join(c.items, ", ") + "]"
	if c.elem == "" {
		return array
	}
	return cast(array, c.elem+"[]")
}

// listed prints x, and those of the constants that can be equal to it, in its type.
func (p Printer) listed(x expr.Node, list []expr.Node, print func(expr.Node) (string, error)) (string, constants, error) {
	t := x.Type()
	s, err := print(x)
	if err != nil {
		return "", constants{}, err
	}
	c, column := x.(expr.Column)
	switch {
	case t.Kind == expr.Text && column && p.ByteText && c.Typ.Native == "":
		s = p.raw(c)
	case t.Kind == expr.Text:
		t = expr.TextType
	case t.Kind == expr.Int && !column:
		s, t = cast(s, "pg_catalog.int8"), expr.IntType
	}
	t.Native = ""
	var out constants
	switch {
	case t.Fixed:
		out.elem = "pg_catalog.bpchar"
	case t.Kind == expr.Text:
		out.elem = "pg_catalog.text"
	case t.IsNumber():
		if out.elem, err = TypeName(t); err != nil {
			return "", out, err
		}
	}
	for _, n := range list {
		item, ok, err := listItem(n, t)
		if err != nil {
			return "", out, err
		}
		if ok {
			out.items = append(out.items, item)
		}
	}
	return s, out, nil
}

func listItem(n expr.Node, t expr.Type) (string, bool, error) {
	l, ok := n.(expr.Literal)
	if !ok {
		return "", false, unsupported("a list holds something else than constants")
	}
	switch {
	case t.IsNumber():
		if l, ok = dialect.Exact(l.Value, t); !ok {
			return "", false, nil
		}
		s, err := numberText(l.Value, l.Typ)
		return s, true, err
	case t.Kind == expr.Text:
		if strings.IndexByte(l.Value.Text, 0) >= 0 || t.Fixed && strings.HasSuffix(l.Value.Text, " ") {
			return "", false, nil
		}
		s, err := quoteText(l.Value.Text)
		return s, true, err
	}
	s, err := value(l)
	return s, true, err
}

func (p Printer) between(a []expr.Node, compare func(expr.Func, expr.Node, expr.Node) (string, error)) (string, error) {
	low, err := compare(expr.Ge, a[0], a[1])
	if err != nil {
		return "", err
	}
	high, err := compare(expr.Le, a[0], a[2])
	return "(" + low + " AND " + high + ")", err
}
