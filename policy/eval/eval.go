// Package eval is the reference interpreter of expressions: it says what every
// expression means, one row at a time. Printers and engines are held against it. It is
// written to be plainly right, not fast.
package eval

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"stead/policy/expr"
)

// Env is what an expression may ask for besides the row.
type Env struct {
	// Facts about the subject; an expression that asks for one without them is an error.
	Facts *expr.Facts
	// Key resolves a hash key: 64 lower-case hexadecimal digits.
	Key func(id string) (string, error)
}

// Eval is the value of n over a row. It fails for what is no expression at all (an
// unknown node, a column value of another kind than declared, a missing key or fact);
// what cannot be computed from good input is NULL.
func Eval(n expr.Node, row func(column string) expr.Value, env Env) (expr.Value, error) {
	return evaluator{row, env}.node(n)
}

type evaluator struct {
	row func(column string) expr.Value
	env Env
}

func (e evaluator) node(n expr.Node) (expr.Value, error) {
	switch n := n.(type) {
	case expr.Literal:
		return n.Value, nil
	case expr.Column:
		return e.column(n)
	case expr.Subject:
		return e.subject(n)
	case expr.Call:
		v, err := e.call(n)
		if err != nil {
			return expr.Null, err
		}
		return shaped(v, n.Type()), nil
	case expr.Key:
		return expr.Null, errors.New("a key is not a value")
	default:
		return expr.Null, fmt.Errorf("unknown node %T", n)
	}
}

// column reads a value as its declared type sees it: char(n) without trailing blanks,
// decimals with their scale. Bytes that are no text are NULL.
func (e evaluator) column(c expr.Column) (expr.Value, error) {
	v := e.row(c.Name)
	if !v.Valid {
		return expr.Null, nil
	}
	if v.Kind != c.Typ.Kind {
		return expr.Null, fmt.Errorf("column %q holds a value of kind %s, not %s", c.Name, v.Kind, c.Typ)
	}
	if v.Kind == expr.Text {
		if !utf8.ValidString(v.Text) {
			return expr.Null, nil
		}
		if c.Typ.Fixed {
			v.Text = strings.TrimRight(v.Text, " ")
		}
	}
	return shaped(v, c.Typ), nil
}

// shaped gives a decimal the scale of its type, where that loses nothing.
func shaped(v expr.Value, t expr.Type) expr.Value {
	if v.Valid && t.Kind == expr.Decimal && v.Kind == expr.Decimal && v.Scale < t.Scale {
		factor := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale-v.Scale)), nil)
		return expr.DecimalValue(factor.Mul(factor, v.Dec), t.Scale)
	}
	return v
}

func (e evaluator) subject(s expr.Subject) (expr.Value, error) {
	f := e.env.Facts
	if f == nil {
		return expr.Null, errors.New("the subject is not known")
	}
	switch s.Fact {
	case expr.HasAttribute:
		return expr.BoolValue(slices.Contains(f.Attributes[s.Key], s.Text)), nil
	case expr.InGroup:
		return expr.BoolValue(slices.Contains(f.Groups, s.Text)), nil
	case expr.UsingPurpose:
		return expr.BoolValue(under(f.Purposes, s.Text)), nil
	case expr.AttributeContains:
		return e.contains(s, withPlaceholder(f.Attributes[s.Key], s.Placeholder))
	case expr.GroupsContain:
		return e.contains(s, withPlaceholder(f.Groups, s.Placeholder))
	case expr.PurposesContain:
		return e.contains(s, expr.ActedUnder(f.Purposes))
	case expr.UserName:
		return validText(f.UserName), nil
	case expr.UserIAM:
		return validText(f.IAM), nil
	case expr.Now:
		return inYears(expr.InstantValue(f.NowMicros)), nil
	case expr.Today:
		return inYears(expr.DateValue(floorDiv(f.NowMicros, dayMicros))), nil
	default:
		return expr.Null, fmt.Errorf("unknown fact %d", s.Fact)
	}
}

func under(purposes []string, purpose string) bool {
	return slices.ContainsFunc(purposes, func(p string) bool {
		return p == purpose || strings.HasPrefix(p, purpose+".")
	})
}

func withPlaceholder(list []string, placeholder *string) []string {
	if len(list) == 0 && placeholder != nil {
		return []string{*placeholder}
	}
	return list
}

func validText(s string) expr.Value {
	if !utf8.ValidString(s) {
		return expr.Null
	}
	return expr.TextValue(s)
}

// contains compares canonical texts. Texts that no value of the type has do not count;
// without any other the answer is FALSE even for NULL.
func (e evaluator) contains(s expr.Subject, texts []string) (expr.Value, error) {
	v, err := e.node(s.Arg)
	if err != nil {
		return expr.Null, err
	}
	t := s.Arg.Type()
	possible := false
	for _, text := range texts {
		if _, ok := expr.MatchLiteral(text, t); !ok {
			continue
		}
		possible = true
		if have, ok := expr.CanonicalText(v, t); ok && have == text {
			return expr.BoolValue(true), nil
		}
	}
	if possible && !v.Valid {
		return expr.Null, nil
	}
	return expr.BoolValue(false), nil
}
