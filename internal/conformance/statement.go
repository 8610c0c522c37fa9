package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"stead"
	dialect "stead/dialect/duckdb"
	"stead/internal/gateway/duck"
	"stead/internal/session"
	"stead/policy/eval"
	"stead/policy/expr"
)

// A statement is asked of the interpreter thus: every table of the case is filtered and masked by its decision and the
// reference interpreter, what is left is written down as plain tables, and the statement runs over those. That
// is what a governed statement means: it sees of each table what the subject sees, and nothing else is there.

// statement answers the case's query.
func (interpreter) statement(ctx context.Context, c *Case, st *session.Statement) (_ answer, err error) {
	setup := []string{"SET TimeZone = 'UTC'"}
	made := map[string]bool{}
	for _, t := range c.tables {
		d := st.Decide(t.def.Object(), stead.Read)
		if d.Verdict != stead.Allow {
			if c.names(t) {
				return refusal(d.Denial), nil
			}
			continue
		}
		schema := dialect.Quote(t.def.Path[0])
		if !made[schema] {
			setup, made[schema] = append(setup, "CREATE SCHEMA "+schema), true
		}
		more, err := t.visible(&d)
		if err != nil {
			return answer{}, err
		}
		setup = append(setup, more...)
	}
	dir, err := os.MkdirTemp("", "stead-conformance-")
	if err != nil {
		return answer{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "rows.json")
	types, err := c.types()
	if err != nil {
		return answer{}, err
	}
	if err := duck.Make(ctx, ":memory:", append(setup, copied(c.Query, len(types), file))); err != nil {
		return answer{}, err
	}
	rows, err := fromFile(file, types)
	return answer{rows: rows, untyped: true}, err
}

// names reports whether the case's query names the table.
func (c *Case) names(t *table) bool {
	q := `"?`
	return regexp.MustCompile(`(?i)(^|[^\w"])` + q + regexp.QuoteMeta(t.def.Path[0]) + q + `\.` + q + regexp.QuoteMeta(t.def.Path[1]) + q + `($|[^\w"])`).
		MatchString(c.Query)
}

// visible are the statements that write down what a decision shows of a table.
func (t *table) visible(d *stead.Decision) ([]string, error) {
	name := dialect.Quote(t.def.Path[0]) + "." + dialect.Quote(t.def.Path[1])
	var columns []string
	for _, c := range t.def.Columns {
		typ, err := typeName(c.Type)
		if err != nil {
			return nil, err
		}
		columns = append(columns, dialect.Quote(c.Name)+" "+typ)
	}
	out := []string{"CREATE TABLE " + name + " (" + strings.Join(columns, ", ") + ")"}
	rows, err := t.shown(d)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		values, err := literals(r, t.def.Columns)
		if err != nil {
			return nil, err
		}
		out = append(out, "INSERT INTO "+name+" VALUES ("+values+")")
	}
	return out, nil
}

// shown are the rows of a table as the decision and the reference interpreter leave them.
func (t *table) shown(d *stead.Decision) ([][]expr.Value, error) {
	env := eval.Env{Key: keyOf}
	var out [][]expr.Value
	for _, r := range t.rows {
		row := func(name string) expr.Value {
			return r[slices.IndexFunc(t.def.Columns, func(x stead.Column) bool { return x.Name == name })]
		}
		if shown, err := visible(d, row, env); err != nil || !shown {
			if err != nil {
				return nil, err
			}
			continue
		}
		line := make([]expr.Value, len(d.Columns))
		for i := range d.Columns {
			var err error
			if line[i], err = value(&d.Columns[i], row, env); err != nil {
				return nil, err
			}
		}
		out = append(out, line)
	}
	return out, nil
}

// copied writes what a query gives as lines of JSON, every value as text.
func copied(query string, columns int, file string) string {
	names := make([]string, columns)
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
	}
	return "COPY (SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (" + query + ") AS q(" + strings.Join(names, ", ") + ")) TO '" +
		strings.ReplaceAll(file, "'", "''") + "' (FORMAT json)"
}

func fromFile(file string, types []expr.Type) ([]string, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range strings.Lines(string(src)) {
		row := map[string]*string{}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return nil, err
		}
		if len(row) != len(types) {
			return nil, fmt.Errorf("%d columns, not %d", len(row), len(types))
		}
		texts := make([]string, len(types))
		for i, t := range types {
			v := expr.Null
			if s := row[fmt.Sprintf("c%d", i)]; s != nil {
				if v, err = fromText(*s, t); err != nil {
					return nil, err
				}
			}
			texts[i] = show(v, t)
		}
		out = append(out, strings.Join(texts, " | "))
	}
	slices.Sort(out)
	return out, nil
}

// fromText reads a value as DuckDB casts it to text, which is PostgreSQL's form but for truth values.
func fromText(s string, t expr.Type) (expr.Value, error) {
	if t.Kind == expr.Bool {
		return written(s, t)
	}
	return fromWire([]byte(s), t)
}
