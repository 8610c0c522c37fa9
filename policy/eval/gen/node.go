package gen

import (
	"stead/policy/expr"
)

// Bool is a condition over the columns.
func (g *Gen) Bool(cols []expr.Column) expr.Node {
	return maker{g, cols}.kind(expr.Bool, g.Depth)
}

// Of is an expression of exactly the type t.
func (g *Gen) Of(t expr.Type, cols []expr.Column) expr.Node {
	n := maker{g, cols}.kind(t.Kind, g.Depth)
	if c, err := expr.NewCall(expr.Cast, n, expr.NullOf(t)); err == nil {
		return c
	}
	return maker{g, cols}.leafOf(t)
}

type maker struct {
	*Gen
	cols []expr.Column
}

// call gives the call, or a leaf of kind k where the random arguments do not fit.
func (m maker) call(k expr.Kind, f expr.Func, args ...expr.Node) expr.Node {
	for _, a := range args {
		if a == nil {
			return m.leaf(k)
		}
	}
	c, err := expr.NewCall(f, args...)
	if err != nil {
		return m.leaf(k)
	}
	return c
}

func (m maker) column(k expr.Kind) (expr.Column, bool) {
	var fit []expr.Column
	for _, c := range m.cols {
		if c.Typ.Kind == k {
			fit = append(fit, c)
		}
	}
	if len(fit) == 0 {
		return expr.Column{}, false
	}
	return pick(m.Gen, fit), true
}

var leafTypes = map[expr.Kind]expr.Type{
	expr.Bool: expr.BoolType, expr.Int: expr.IntType, expr.Decimal: expr.DecimalType(12, 3), expr.Float: {Kind: expr.Float},
	expr.Text: expr.TextType, expr.Binary: {Kind: expr.Binary}, expr.Date: expr.DateType, expr.Time: {Kind: expr.Time},
	expr.Timestamp: expr.TimestampType, expr.Instant: expr.InstantType, expr.UUID: {Kind: expr.UUID},
	expr.Array: {Kind: expr.Array, Elem: &expr.Type{Kind: expr.Text}},
}

func (m maker) leaf(k expr.Kind) expr.Node {
	if c, ok := m.column(k); ok && m.chance(75) {
		return c
	}
	return m.leafOf(leafTypes[k])
}

// leafOf is a literal of the type; of types without literals it is NULL.
func (m maker) leafOf(t expr.Type) expr.Node {
	if m.chance(10) {
		return expr.NullOf(t)
	}
	return m.literal(t)
}

// literal is one that is not NULL, or NULL where the type has no literals.
func (m maker) literal(t expr.Type) expr.Node {
	for range 20 {
		l := expr.Literal{Value: m.Value(t), Typ: t}
		if !l.Value.Valid {
			continue
		}
		if _, err := expr.NewCall(expr.IsNull, l); err == nil {
			return l
		}
	}
	return expr.NullOf(t)
}

func (m maker) int(of ...int64) expr.Node { return expr.IntLit(pick(m.Gen, of)) }

func (m maker) text(of ...string) expr.Node { return expr.TextLit(pick(m.Gen, of)) }

func (m maker) kind(k expr.Kind, depth int) expr.Node {
	if depth <= 0 || m.chance(10) {
		return m.leaf(k)
	}
	d := depth - 1
	if m.chance(15) {
		return m.choice(k, d)
	}
	switch k {
	case expr.Bool:
		return m.boolean(d)
	case expr.Int:
		return m.integer(d)
	case expr.Decimal:
		return m.decimal(d)
	case expr.Float:
		return m.call(k, expr.Bucket, m.kind(k, d), expr.Literal{Value: expr.FloatValue(pick(m.Gen, []float64{1, 0.5, 100, 0.1})), Typ: expr.Type{Kind: expr.Float}})
	case expr.Text:
		return m.textual(d)
	case expr.Date, expr.Timestamp, expr.Instant:
		return m.temporal(k, d)
	default:
		return m.leaf(k)
	}
}

// choice is a function that gives one of its arguments.
func (m maker) choice(k expr.Kind, d int) expr.Node {
	a, b := m.kind(k, d), m.kind(k, d)
	switch m.n(4) {
	case 0:
		return m.call(k, expr.If, m.kind(expr.Bool, d), a, b)
	case 1:
		return m.call(k, expr.NullIf, a, b)
	case 2:
		return m.call(k, pick(m.Gen, []expr.Func{expr.Greatest, expr.Least}), a, b)
	default:
		return m.call(k, expr.Coalesce, a, b)
	}
}

var comparable = []expr.Kind{expr.Bool, expr.Int, expr.Int, expr.Decimal, expr.Text, expr.Text, expr.Text, expr.Binary, expr.Date, expr.Time, expr.Timestamp, expr.Instant, expr.UUID}

func (m maker) boolean(d int) expr.Node {
	k := pick(m.Gen, comparable)
	switch m.n(14) {
	case 0, 1:
		return m.call(expr.Bool, pick(m.Gen, []expr.Func{expr.And, expr.Or}), m.kind(expr.Bool, d), m.kind(expr.Bool, d))
	case 2:
		return m.call(expr.Bool, pick(m.Gen, []expr.Func{expr.Not, expr.IsTrue}), m.kind(expr.Bool, d))
	case 3:
		k = pick(m.Gen, append([]expr.Kind{expr.Float, expr.Array}, comparable...))
		return m.call(expr.Bool, expr.IsNull, m.kind(k, d))
	case 4:
		args := []expr.Node{m.kind(k, d)}
		for range 1 + m.n(4) {
			args = append(args, m.literal(leafTypes[k]))
		}
		return m.call(expr.Bool, expr.In, args...)
	case 5:
		return m.call(expr.Bool, expr.Between, m.kind(k, d), m.kind(k, d), m.kind(k, d))
	case 6:
		bound := expr.Literal{Value: expr.FloatValue(pick(m.Gen, []float64{0, 1, 0.1, 99.5, -1e300})), Typ: expr.Type{Kind: expr.Float}}
		return m.call(expr.Bool, pick(m.Gen, []expr.Func{expr.Lt, expr.Le, expr.Gt, expr.Ge}), m.kind(expr.Float, d), bound)
	case 7, 8:
		return m.textTest(d)
	case 9:
		return m.call(expr.Bool, expr.Sample, expr.Key{ID: m.Key}, m.kind(k, d), m.int(0, 1, 2500, 5000, 9999, 10000))
	case 10:
		if m.Subjects && m.chance(70) {
			return m.subject(k, d)
		}
		return m.call(expr.Bool, expr.ListHas, m.kind(expr.Array, d), m.kind(expr.Text, d))
	case 11:
		return m.call(expr.Bool, pick(m.Gen, []expr.Func{expr.Eq, expr.Lt, expr.Ge}), m.kind(expr.Int, d), m.kind(expr.Decimal, d))
	default:
		f := pick(m.Gen, []expr.Func{expr.Eq, expr.Ne, expr.Lt, expr.Le, expr.Gt, expr.Ge, expr.Same})
		return m.call(expr.Bool, f, m.kind(k, d), m.kind(k, d))
	}
}

func (m maker) textTest(d int) expr.Node {
	x := m.kind(expr.Text, d)
	switch m.n(3) {
	case 0:
		return m.call(expr.Bool, pick(m.Gen, []expr.Func{expr.Contains, expr.StartsWith, expr.EndsWith}), x, m.text("a", "b", "é", " ", ",", "'", "ab", "😀"))
	case 1:
		return m.call(expr.Bool, expr.Like, x, m.text("a%", "%", "_", "%b%", "a!%b!_c", "", "__%", "%é", "!!", `%\%`, "%\n%"))
	default:
		return m.call(expr.Bool, expr.Matches, x, m.text(patterns...))
	}
}

var patterns = []string{"a", "^a", "b$", "^[a-z]{2,}[0-9]?$", "^.$", "a.c", "(?:ab){2}", `\.`, "[^a]", "é+", "^[0-9]{1,3}$", ".@.", "a{2,3}b?", "\n"}

func (m maker) subject(k expr.Kind, d int) expr.Node {
	s := expr.Subject{Key: pick(m.Gen, attributeKeys), Text: pick(m.Gen, held)}
	switch m.n(6) {
	case 0:
		s.Fact = expr.HasAttribute
	case 1:
		s.Fact, s.Key = pick(m.Gen, []expr.Fact{expr.InGroup, expr.UsingPurpose}), ""
	case 2:
		name := expr.Subject{Fact: pick(m.Gen, []expr.Fact{expr.UserName, expr.UserIAM})}
		return m.call(expr.Bool, expr.Eq, m.kind(expr.Text, d), name)
	case 3:
		now := expr.Subject{Fact: expr.Now}
		today := expr.Subject{Fact: expr.Today}
		if m.chance(50) {
			return m.call(expr.Bool, expr.Lt, m.kind(expr.Instant, d), now)
		}
		return m.call(expr.Bool, expr.Ge, m.kind(expr.Date, d), today)
	default:
		s = expr.Subject{Fact: pick(m.Gen, []expr.Fact{expr.AttributeContains, expr.GroupsContain, expr.PurposesContain}), Arg: m.kind(k, d)}
		if s.Fact == expr.AttributeContains {
			s.Key = pick(m.Gen, attributeKeys)
		}
		if s.Fact != expr.PurposesContain && m.chance(40) {
			placeholder := pick(m.Gen, held)
			s.Placeholder = &placeholder
		}
	}
	if s.Fact <= expr.UsingPurpose && s.Text == "" {
		s.Text = "x"
	}
	if _, err := expr.NewCall(expr.IsNull, s); err != nil {
		return m.leaf(expr.Bool)
	}
	return s
}
