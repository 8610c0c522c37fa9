package expr

import (
	"math/big"
	"strconv"
	"strings"
)

// function reads name(...).
func (p *parser) function(t token) (Node, error) {
	p.pos += 2
	switch name := lowerASCII(t.text); name {
	case "cast":
		return p.cast(t)
	case "now", "today":
		if err := p.expect(")"); err != nil {
			return nil, err
		}
		return Subject{Fact: map[string]Fact{"now": Now, "today": Today}[name]}, nil
	}
	f, ok := functionNamed(t.text)
	if !ok {
		return nil, p.fail(t, "there is no function %q", t.text)
	}
	args, err := p.list()
	if err != nil {
		return nil, err
	}
	switch f {
	case Hash, Sample:
		if args, err = p.withKey(t, args); err != nil {
			return nil, err
		}
	case KeepFirst, KeepLast:
		if len(args) == 2 {
			args = append(args, TextLit("*"))
		}
	}
	return p.call(t, f, args...)
}

// withKey puts the source's own key where the text names none.
func (p *parser) withKey(t token, args []Node) ([]Node, error) {
	if len(args) > 0 {
		if _, ok := args[0].(Key); ok {
			return args, nil
		}
	}
	s, ok := p.scope.(KeyScope)
	if !ok || len(s.HashKeys()) == 0 {
		return nil, p.fail(t, "%s has no key here", t.text)
	}
	return append([]Node{Key{ID: s.HashKeys()[0]}}, args...), nil
}

func (p *parser) cast(t token) (Node, error) {
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if err := p.expect("AS"); err != nil {
		return nil, err
	}
	typ, err := p.typeName()
	if err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	if isBareNull(n) {
		return NullOf(typ), nil
	}
	return p.call(t, Cast, n, NullOf(typ))
}

// caseWhen reads both forms of CASE as nested choices.
func (p *parser) caseWhen(t token) (Node, error) {
	var subject Node
	var err error
	if !p.peek().is("WHEN") {
		if subject, err = p.or(); err != nil {
			return nil, err
		}
	}
	var conditions, results []Node
	for p.accept("WHEN") {
		at := p.peek()
		c, err := p.or()
		if err != nil {
			return nil, err
		}
		if subject != nil {
			if c, err = p.call(at, Eq, subject, c); err != nil {
				return nil, err
			}
		}
		if err := p.expect("THEN"); err != nil {
			return nil, err
		}
		r, err := p.or()
		if err != nil {
			return nil, err
		}
		conditions, results = append(conditions, c), append(results, r)
	}
	if len(conditions) == 0 {
		return nil, p.fail(p.peek(), "WHEN is expected, not %s", p.peek())
	}
	if len(conditions)+p.depth > MaxDepth {
		return nil, p.fail(t, "the CASE has more branches than the depth of an expression allows")
	}
	var otherwise Node = bareNull
	if p.accept("ELSE") {
		if otherwise, err = p.or(); err != nil {
			return nil, err
		}
	}
	if err := p.expect("END"); err != nil {
		return nil, err
	}
	return p.choices(t, conditions, results, otherwise)
}

func (p *parser) choices(t token, conditions, results []Node, otherwise Node) (Node, error) {
	all := append(results, otherwise)
	for _, n := range all {
		if !isBareNull(n) {
			for i := range all {
				all[i] = adaptTo(all[i], n.Type())
			}
			break
		}
	}
	last := len(results)
	out := all[last]
	for i := last - 1; i >= 0; i-- {
		var err error
		if out, err = p.call(t, If, conditions[i], all[i], out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// number gives an int where it fits, a decimal with the digits as written, and with
// an exponent a float.
func (p *parser) number(t token, negative bool) (Node, error) {
	s := t.text
	if negative {
		s = "-" + s
	}
	if strings.ContainsAny(s, "eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, p.fail(t, "the number is out of range")
		}
		return Literal{Value: FloatValue(f), Typ: Type{Kind: Float}}, nil
	}
	whole, frac, point := strings.Cut(s, ".")
	if !point {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return IntLit(i), nil
		}
	}
	if len(s) > 100 {
		return nil, p.fail(t, "a number has at most 38 digits")
	}
	d, ok := new(big.Int).SetString(whole+frac, 10)
	if !ok {
		return nil, p.fail(t, "the number is not complete")
	}
	precision := max(digits(d), len(frac), 1)
	if precision > 38 {
		return nil, p.fail(t, "a number has at most 38 digits")
	}
	return Literal{Value: DecimalValue(d, len(frac)), Typ: DecimalType(precision, len(frac))}, nil
}

// floatOf is the double nearest to a number.
func floatOf(l Literal) Literal {
	text, _ := CanonicalText(l.Value, l.Typ)
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return l // the caller's type check refuses it
	}
	return Literal{Value: FloatValue(f), Typ: Type{Kind: Float}}
}

// toDecimal is an int as a value of a decimal type, NULL where it does not fit.
func toDecimal(v Value, t Type) Value {
	d, ok := Rescale(big.NewInt(v.Int), 0, t.Scale)
	if out := DecimalValue(d, t.Scale); ok && Fits(out, t) {
		return out
	}
	return Null
}
