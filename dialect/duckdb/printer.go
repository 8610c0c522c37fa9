package duckdb

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"stead/policy/expr"
)

// Printer prints expressions. The zero Printer prints columns by their names, in the form
// that no collation changes, and refuses keys.
type Printer struct {
	// Key gives the hash key of an id: 64 lower-case hexadecimal digits.
	Key func(id string) (string, error)
	// Column gives the SQL of a column by its name; nil quotes the name.
	Column func(name string) string
	// PlainText prints text comparisons plainly, which statistics and indexes can serve.
	// It is allowed only where no column and no setting carries a collation: on the
	// gateway's own views, with a locked configuration.
	PlainText bool
}

// Expr prints n as a value in the plain DuckDB type of its kind: an ENUM column as
// VARCHAR, UBIGINT as DECIMAL(20,0), TIMESTAMP_NS as TIMESTAMP. Everything printed is
// total: it gives a value or NULL for every row. What is unknown is refused with an
// error of code Unsupported that names it.
func (p Printer) Expr(n expr.Node) (string, error) {
	switch n := n.(type) {
	case expr.Literal:
		return Literal(n.Value, n.Typ)
	case expr.Column:
		return p.column(n), nil
	case expr.Key:
		return "", unsupported("a hash key is not a value")
	case expr.Subject:
		return "", unsupported("a fact about the subject (%d) is not known here", n.Fact)
	case expr.Call:
		return p.call(n)
	case nil:
		return "", unsupported("an expression is missing")
	default:
		return "", unsupported("unknown expression %T", n)
	}
}

// Condition prints a row condition that is TRUE or FALSE, never NULL.
func (p Printer) Condition(n expr.Node) (string, error) {
	if n == nil || n.Type().Kind != expr.Bool {
		return "", unsupported("a row condition is not boolean")
	}
	s, err := p.Expr(n)
	return "coalesce(" + s + ", FALSE)", err
}

// Mask prints a mask of a column of type t: its result has exactly that type, NULL where
// the type cannot hold it. Where the mask shows the column itself, the value is untouched.
func (p Printer) Mask(n expr.Node, t expr.Type) (string, error) {
	name, err := TypeName(t)
	if err != nil {
		return "", err
	}
	return p.mask(n, t, name)
}

func (p Printer) mask(n expr.Node, t expr.Type, name string) (string, error) {
	if l, ok := n.(expr.Literal); ok && !l.Value.Valid {
		return "CAST(NULL AS " + name + ")", nil
	}
	if c, ok := n.(expr.Column); ok {
		if own, err := TypeName(c.Typ); err == nil && own == name {
			return p.raw(c), nil
		}
	}
	if c, ok := n.(expr.Call); ok && c.Func == expr.If && len(c.Args) == 3 {
		when, err := p.Expr(c.Args[0])
		if err != nil {
			return "", err
		}
		then, err := p.mask(c.Args[1], t, name)
		if err != nil {
			return "", err
		}
		other, err := p.mask(c.Args[2], t, name)
		return "CASE WHEN " + when + " THEN " + then + " ELSE " + other + " END", err
	}
	if n == nil || n.Type().Kind != t.Kind {
		return "", unsupported("a mask does not have the column's type %s", t)
	}
	s, err := p.Expr(n)
	if err != nil {
		return "", err
	}
	plain := n.Type()
	plain.Native = "" // as Expr prints
	if own, err := TypeName(plain); err == nil && own == name {
		return s, nil
	}
	return attempt(s, name), nil
}

// raw is the column as it is stored.
func (p Printer) raw(c expr.Column) string {
	if p.Column != nil {
		return p.Column(c.Name)
	}
	return Quote(c.Name)
}

// column is the column's value in the plain type of its kind.
func (p Printer) column(c expr.Column) string {
	x := p.raw(c)
	switch c.Typ.Kind {
	case expr.Text:
		if c.Typ.Native != "" { // an ENUM
			x = "CAST(" + x + " AS VARCHAR)"
		}
		if !p.PlainText {
			x = "(" + x + ` COLLATE "binary")`
		}
		if c.Typ.Fixed {
			x = fn("rtrim", x, "' '")
		}
	case expr.Decimal:
		switch c.Typ.Native {
		case "":
		case "UBIGINT":
			x = "CAST(" + x + " AS DECIMAL(20,0))"
		default: // HUGEINT holds numbers that no decimal does
			x = attempt(x, fmt.Sprintf("DECIMAL(%d,%d)", c.Typ.Precision, c.Typ.Scale))
		}
	case expr.Timestamp:
		if c.Typ.Native == "TIMESTAMP_NS" {
			return micros(x)
		}
		if c.Typ.Native != "" {
			x = attempt(x, "TIMESTAMP")
		}
	}
	return x
}

// micros cuts nanoseconds: the cast alone moves instants before 1970 up.
func micros(x string) string {
	cut := "CAST(" + x + " AS TIMESTAMP)"
	return "CASE WHEN " + fn(`"%"`, fn("epoch_ns", x), "1000") + " < 0 THEN " +
		fn(`"-"`, cut, fn("to_microseconds", "1")) + " ELSE " + cut + " END"
}

// fn is a call of a built-in function or operator that nothing can stand in for.
func fn(name string, args ...string) string {
	return "system.main." + name + "(" + strings.Join(args, ", ") + ")"
}

var keyForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (p Printer) key(n expr.Node) (string, error) {
	k, ok := n.(expr.Key)
	if !ok {
		return "", unsupported("a hash needs a key")
	}
	if p.Key == nil {
		return "", unsupported("hash keys are not available here")
	}
	hex, err := p.Key(k.ID)
	if err != nil {
		return "", err
	}
	if !keyForm.MatchString(hex) { // its text must not reach an error
		return "", errors.New("a hash key is not 64 hexadecimal digits")
	}
	return "'" + hex + "'", nil
}
