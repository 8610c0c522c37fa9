package postgres

import (
	"stead/policy/expr"
)

// Printer prints expressions. The zero Printer prints columns by their names, in the form
// that no collation changes, and refuses keys and subjects.
type Printer struct {
	// Key gives the SQL of a text that is the hash key of an id, 64 lower-case hexadecimal digits: a
	// scalar sub-select. It is never the key itself. Nil refuses keys.
	Key func(id string) (string, error)
	// Column gives the SQL of a column by its name; nil quotes the name.
	Column func(name string) string
	// Subject prints SlotHolds, SlotContains, UserName and UserIAM. arg is the SQL of s.Arg and argType
	// its type without the engine's spelling, both empty where there is none. What it gives is put in
	// parentheses. Now and Today are not asked for. Nil refuses.
	Subject func(s expr.Subject, arg string, argType expr.Type) (string, error)
	// Texts gives the SQL of the text[] of a SlotContains, a scalar sub-select that is NULL where nobody asks. Then
	// Subject is not asked for SlotContains, and indexes serve it on numbers, days, times and UUIDs too.
	Texts func(s expr.Subject) (string, error)
	// ByteText says that no text column has a nondeterministic collation: equality with
	// constants and SlotContains then have the bare column, which indexes serve.
	ByteText bool
	// Collation is the SQL name of the collation that Mask gives to texts; "" is the database's.
	Collation string
}

// Expr prints n as a value in the plain type of its kind: an enum as text, char(n) as text
// without trailing blanks, numeric without NaN, which reads as NULL. What is unknown is
// refused with an error of code Unsupported that names it.
func (p Printer) Expr(n expr.Node) (string, error) {
	switch n := n.(type) {
	case expr.Literal:
		return value(n)
	case expr.Column:
		return p.column(n), nil
	case expr.Key:
		return "", unsupported("a hash key is not a value")
	case expr.Subject:
		return p.subject(n, false)
	case expr.Call:
		return p.call(n)
	case nil:
		return "", unsupported("an expression is missing")
	default:
		return "", unsupported("unknown expression %T", n)
	}
}

// Condition prints a row condition for WHERE, USING and WITH CHECK: TRUE for the rows that count, FALSE
// or NULL for the others, which those three treat alike. It may be joined by AND and OR, never negated or
// compared. Nothing is wrapped around comparisons at the top, so that indexes serve them.
func (p Printer) Condition(n expr.Node) (string, error) {
	if n == nil || n.Type().Kind != expr.Bool {
		return "", unsupported("a row condition is not boolean")
	}
	return p.holds(n)
}

// holds is n where FALSE and NULL mean the same.
func (p Printer) holds(n expr.Node) (string, error) {
	if s, ok := n.(expr.Subject); ok {
		return p.subject(s, true)
	}
	c, ok := n.(expr.Call)
	if !ok {
		return p.Expr(n)
	}
	switch c.Func {
	case expr.And, expr.Or:
		return p.junction(c, p.holds)
	case expr.IsTrue:
		return p.holds(c.Args[0])
	case expr.Eq, expr.Ne, expr.Lt, expr.Le, expr.Gt, expr.Ge:
		return p.compareHolds(c.Func, c.Args[0], c.Args[1])
	case expr.In:
		return p.in(c.Args[0], c.Args[1:], p.bare)
	case expr.Between:
		return p.between(c.Args, p.compareHolds)
	}
	return p.Expr(n)
}

// Mask prints what is shown in place of a column of type t: it has exactly that type and the
// printer's collation, and is NULL where the type cannot hold it. Where it is the column itself, the column
// is untouched. Columns of a domain are declared with its base type, which clients see anyway.
func (p Printer) Mask(n expr.Node, t expr.Type) (string, error) {
	name, err := TypeName(t)
	if err != nil {
		return "", err
	}
	if c, ok := n.(expr.Column); ok && sameType(c.Typ, name) {
		return p.raw(c), nil
	}
	s, err := p.mask(n, t, name)
	if err != nil {
		return "", err
	}
	s = cast(s, name)
	if t.Kind != expr.Text || t.Native != "" {
		return s, nil
	}
	collation := p.Collation
	if collation == "" {
		collation = `pg_catalog."default"`
	}
	return "(" + s + " COLLATE " + collation + ")", nil
}

func sameType(t expr.Type, name string) bool {
	own, err := TypeName(t)
	return err == nil && own == name
}

func (p Printer) mask(n expr.Node, t expr.Type, name string) (string, error) {
	if l, ok := n.(expr.Literal); ok && !l.Value.Valid {
		return cast("NULL", name), nil
	}
	if c, ok := n.(expr.Column); ok && sameType(c.Typ, name) {
		return p.raw(c), nil
	}
	if c, ok := n.(expr.Call); ok && c.Func == expr.If && len(c.Args) == 3 {
		condition, err := p.holds(c.Args[0])
		if err != nil {
			return "", err
		}
		then, err := p.mask(c.Args[1], t, name)
		if err != nil {
			return "", err
		}
		other, err := p.mask(c.Args[2], t, name)
		return "CASE WHEN " + condition + " THEN " + then + " ELSE " + other + " END", err
	}
	if n == nil || n.Type().Kind != t.Kind {
		return "", unsupported("a mask does not have the column's type %s", t)
	}
	s, err := p.Expr(n)
	if err != nil {
		return "", err
	}
	return fitted(s, n.Type(), t, name)
}

// fitted is a value that Expr printed as one that type t holds.
func fitted(x string, from, to expr.Type, name string) (string, error) {
	switch to.Kind {
	case expr.Text:
		if to.Native != "" {
			return enumOf(x, name), nil
		}
		return x, nil // Mask's cast cuts it
	case expr.Int, expr.Decimal, expr.Float:
		return shaped(x, from, to, name), nil
	case expr.Bool, expr.Binary, expr.Date, expr.Time, expr.Timestamp, expr.Instant, expr.UUID:
		return x, nil
	}
	if sameType(from, name) {
		return x, nil
	}
	return "", unsupported("a mask does not have the column's type %s", to)
}

// enumOf finds the label among those of the type; a cast would fail for any other text.
func enumOf(x, name string) string {
	labels := fn("enum_range", cast("NULL", name))
	return "(" + labels + ")[" + fn("array_position", cast(labels, "pg_catalog.text[]"), x) + "]"
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
		if c.Typ.Native != "" || c.Typ.Fixed { // an enum, or char(n), which loses its blanks
			x = cast(x, "pg_catalog.text")
		}
		return bytewise(x)
	case expr.Decimal:
		return when(notNaN(x, c.Typ), x)
	}
	return x
}

// bare is n where NaN, like every other number that is equal to none of ours, and NULL mean the same, and where
// indexes are to serve it.
func (p Printer) bare(n expr.Node) (string, error) {
	c, ok := n.(expr.Column)
	switch {
	case ok && c.Typ.Kind == expr.Decimal:
		return p.raw(c), nil
	case ok && p.plainText(c):
		return p.raw(c), nil
	}
	return p.Expr(n)
}

func (p Printer) plainText(c expr.Column) bool {
	return p.ByteText && c.Typ.Kind == expr.Text && c.Typ.Native == "" && !c.Typ.Fixed
}

// subject prints a fact. holds says that FALSE and NULL mean the same.
func (p Printer) subject(s expr.Subject, holds bool) (string, error) {
	sql, err := p.asked(s, holds)
	if s.Type().Kind == expr.Text {
		sql = bytewise(sql)
	}
	return sql, err
}

func (p Printer) asked(s expr.Subject, holds bool) (string, error) {
	switch s.Fact {
	case expr.Now:
		return "pg_catalog.statement_timestamp()", nil
	case expr.Today:
		return cast(fn("timezone", utc, "pg_catalog.statement_timestamp()"), "pg_catalog.date"), nil
	case expr.SlotHolds, expr.UserName, expr.UserIAM:
		if s.Arg != nil {
			return "", unsupported("a fact about the subject (%d) takes no value of the row", s.Fact)
		}
	case expr.SlotContains:
		if s.Arg == nil || !s.Arg.Type().HasText() {
			return "", unsupported("the row's value to look for is missing or has no text")
		}
	default:
		return "", unsupported("a fact about the subject (%d) is not known here", s.Fact)
	}
	if s.Fact == expr.SlotContains && p.Texts != nil {
		texts, err := p.Texts(s)
		if err != nil {
			return "", err
		}
		return p.contains(s, texts, holds)
	}
	if p.Subject == nil {
		return "", unsupported("facts about the subject are not available here")
	}
	var arg string
	var argType expr.Type
	if s.Arg != nil {
		var err error
		if c, ok := s.Arg.(expr.Column); ok && p.plainText(c) {
			arg = p.raw(c)
		} else if arg, err = p.argument(s.Arg, holds); err != nil {
			return "", err
		}
		argType = s.Arg.Type()
		argType.Native = ""
	}
	sql, err := p.Subject(s, arg, argType)
	if err != nil {
		return "", err
	}
	return "(" + sql + ")", nil
}

func (p Printer) argument(n expr.Node, holds bool) (string, error) {
	if holds {
		return p.bare(n)
	}
	return p.Expr(n)
}

func (p Printer) key(n expr.Node) (string, error) {
	k, ok := n.(expr.Key)
	if !ok {
		return "", unsupported("a hash needs a key")
	}
	if p.Key == nil {
		return "", unsupported("hash keys are not available here")
	}
	return p.Key(k.ID)
}
