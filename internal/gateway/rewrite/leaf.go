package rewrite

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"stead"
	"stead/dialect/duckdb"
	"stead/policy/expr"
)

// reserved starts the names of placeholders, which statements may not use.
const reserved = "stead_leaf_"

// copyPrefix starts the names of copies.
const copyPrefix = "stead_copy_"

// row is how a leaf's own SQL calls the table it reads.
const row = "stead_row"

func rowColumn(name string) string { return row + "." + duckdb.Quote(name) }

// leafRef is one mention of a data table in a statement.
type leafRef struct {
	index     int
	path      []string // as the statement spells it
	alias     string   // lower case
	unaliased bool     // known by its table name
	all       bool     // every column is used
	source    Source
	columns   []stead.ColumnDecision // that the statement may use, in order
	sampled   bool
	renamed   bool // has a list of column aliases
	narrowing []conjunct
}

func (l *leafRef) placeholder() string { return fmt.Sprintf("%s%d", reserved, l.index) }

// use keeps the columns whose names the statement mentions. A column that is
// neither clear nor masked is not there at all.
func (l *leafRef) use(names map[string]bool) {
	for _, c := range l.source.Decision.Columns {
		shown := c.Access == stead.ColumnClear || c.Access == stead.ColumnMasked
		if shown && (l.all || names[duckdb.FoldName(c.Name)]) {
			l.columns = append(l.columns, c)
		}
	}
}

// types gives the columns by name, for typing.
func (l *leafRef) types() map[string]typ {
	out := map[string]typ{}
	for _, c := range l.columns {
		out[duckdb.FoldName(c.Name)] = declared(c.Type)
	}
	return out
}

// open reports whether the asker may see everything the leaf reads.
func (l *leafRef) open() bool {
	if l.source.Decision.Rows.Extent != stead.Always {
		return false
	}
	for _, c := range l.columns {
		if c.Access != stead.ColumnClear {
			return false
		}
	}
	return true
}

// body is the governed SELECT.
func (l *leafRef) body(print Printer, narrow bool) (string, []int, error) {
	var b strings.Builder
	b.WriteString("SELECT ")
	for i, c := range l.columns {
		if i > 0 {
			b.WriteString(", ")
		}
		shown := rowColumn(c.Name)
		if c.Access == stead.ColumnMasked {
			m, err := print.Mask(c.Mask, c.Type, rowColumn)
			if err != nil {
				return "", nil, cannotPrint(err)
			}
			shown = m
		}
		b.WriteString(shown + " AS " + duckdb.Quote(c.Name))
	}
	if len(l.columns) == 0 {
		b.WriteString("TRUE AS stead_none")
	}
	b.WriteString(" FROM wh")
	for _, part := range l.source.Decision.Source.Path {
		b.WriteString("." + duckdb.Quote(part))
	}
	b.WriteString(" AS " + row)
	conditions, bind, err := l.conditions(print, narrow)
	if err != nil {
		return "", nil, err
	}
	if len(conditions) > 0 {
		b.WriteString(" WHERE " + strings.Join(conditions, " AND "))
	}
	return b.String(), bind, nil
}

func (l *leafRef) conditions(print Printer, narrow bool) ([]string, []int, error) {
	var out []string
	rows := l.source.Decision.Rows
	switch {
	case rows.Extent == stead.Always:
	case rows.Extent == stead.When && rows.When != nil:
		c, err := print.Condition(rows.When, rowColumn)
		if err != nil {
			return nil, nil, cannotPrint(err)
		}
		out = append(out, "("+c+")")
	default:
		out = append(out, "FALSE")
	}
	if !narrow {
		return out, nil, nil
	}
	var bind []int
	for _, c := range l.narrowing {
		out = append(out, c.sql(rowColumn, &bind))
	}
	return out, bind, nil
}

// dialect prints with dialect/duckdb. Text is compared plainly: the engine's views have
// no collation and its configuration is locked.
type dialect struct {
	key func(id string) (string, error)
}

func (d dialect) printer(column func(string) string) duckdb.Printer {
	return duckdb.Printer{Key: d.key, Column: column, PlainText: true}
}

// Condition implements Printer. The condition stands in WHERE, where NULL hides the row.
func (d dialect) Condition(n expr.Node, column func(string) string) (string, error) {
	return d.printer(column).Expr(n)
}

// Mask implements Printer.
func (d dialect) Mask(n expr.Node, t expr.Type, column func(string) string) (string, error) {
	return d.printer(column).Mask(n, t)
}

func cannotPrint(err error) error {
	return stead.Errorf(stead.Internal, "a policy of this table cannot be enforced here").
		WithHint("the server's log has the cause").WithCause(err)
}

// copied makes the copy of the leaf. Equal copies have equal names.
func (l *leafRef) copied(r *Rewriter) (Copy, error) {
	body, bind, err := l.body(r.cfg.Printer, true)
	if err != nil {
		return Copy{}, err
	}
	sum := sha256.Sum256([]byte(fmt.Sprint(body, bind)))
	name := "temp.main." + copyPrefix + hex.EncodeToString(sum[:8])
	return Copy{Name: name, Bind: bind, Limit: r.limits.CopyRows,
		Fill: fmt.Sprintf("CREATE TEMP TABLE %s AS %s LIMIT %d", strings.TrimPrefix(name, "temp.main."), body, r.limits.CopyRows+1),
		Drop: "DROP TABLE IF EXISTS " + name}, nil
}

// record says what the leaf reads.
func (l *leafRef) record() Leaf {
	d := l.source.Decision
	out := Leaf{Object: d.Object, Source: d.Source.ID, Fingerprint: d.Fingerprint, Decision: &d, path: l.path}
	for _, c := range l.columns {
		out.Columns = append(out.Columns, c.Name)
		if c.Access == stead.ColumnMasked {
			out.Masked = append(out.Masked, c.Name)
		}
	}
	return out
}
