package conformance

import (
	"fmt"
	"regexp"
	"strings"

	"stead"
	dialect "stead/dialect/postgres"
	"stead/policy/expr"
)

// tableOwner owns the tables of all cases; it is no superuser, as owners should not be.
const tableOwner = "corpus_owner"

// pgStatements make the tables, views and roles of a case as somebody who knows nothing of stead would.
func (c *Case) pgStatements() ([]string, error) {
	var tables, views []string
	made := map[string]bool{}
	for _, t := range c.tables {
		if t.def.Connection != connection {
			continue
		}
		if s := c.schema(t.def.Path[0]); !made[s] {
			tables = append(tables, "RESET ROLE")
			tables, made[s] = append(tables, "CREATE SCHEMA "+dialect.Quote(s)+" AUTHORIZATION "+tableOwner, "SET ROLE "+tableOwner), true
		}
		if t.view != "" {
			views = append(views, "CREATE VIEW "+c.pgName(t)+" AS "+c.pgView(t.view))
			continue
		}
		more, err := c.pgTable(t)
		if err != nil {
			return nil, err
		}
		tables = append(tables, more...)
	}
	return append(append(tables, views...), "RESET ROLE"), nil
}

func (c *Case) pgName(t *table) string {
	return dialect.Quote(c.schema(t.def.Path[0])) + "." + dialect.Quote(t.def.Path[1])
}

var viewTable = regexp.MustCompile(`\{case\}\.("?)([a-z]+)_(\w+)("?)`)

// pgView is the query of a view: {case}.demo_t is table t of the case's schema demo.
func (c *Case) pgView(query string) string {
	return viewTable.ReplaceAllString(query, fmt.Sprintf("c%d_${2}.${1}${3}${4}", c.number))
}

func (c *Case) pgTable(t *table) ([]string, error) {
	columns := make([]string, len(t.def.Columns))
	for i, col := range t.def.Columns {
		typ, err := dialect.TypeName(col.Type)
		if err != nil {
			return nil, err
		}
		columns[i] = dialect.Quote(col.Name) + " " + typ
	}
	out := []string{"CREATE TABLE " + c.pgName(t) + " (" + strings.Join(columns, ", ") + ")"}
	for _, r := range t.rows {
		values := make([]string, len(r))
		for i, v := range r {
			var err error
			if values[i], err = pgLiteral(v, t.def.Columns[i]); err != nil {
				return nil, err
			}
		}
		out = append(out, "INSERT INTO "+c.pgName(t)+" VALUES ("+strings.Join(values, ", ")+")")
	}
	return out, nil
}

// pgLiteral also spells what the policy language has no constants of.
func pgLiteral(v expr.Value, col stead.Column) (string, error) {
	t := col.Type
	if v.Valid {
		switch t.Kind {
		case expr.JSON:
			return "'" + strings.ReplaceAll(v.Text, "'", "''") + "'", nil
		case expr.Text:
			if t.Fixed {
				v.Text = strings.TrimRight(v.Text, " ")
			}
		case expr.Date:
			return fmt.Sprintf("date '1970-01-01' + (%d)", v.Int), nil
		case expr.Timestamp:
			return fmt.Sprintf("timestamp '1970-01-01 00:00:00' + %s", pgMicros(v.Int)), nil
		case expr.Instant:
			return fmt.Sprintf("timestamptz '1970-01-01 00:00:00+00' + %s", pgMicros(v.Int)), nil
		case expr.Time:
			if v.Int == 86_400_000_000 {
				return "time '24:00:00'", nil
			}
		}
	}
	return dialect.Literal(v, t)
}

func pgMicros(us int64) string {
	days := us / 86_400_000_000
	return fmt.Sprintf("interval '%d days' + interval '%d microseconds'", days, us-days*86_400_000_000)
}
