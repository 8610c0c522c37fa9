package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"stead"
	"stead/internal/gateway/pgtype"
	"stead/policy/expr"
)

// settings are the steps of the session as a client of the gateway types them.
func (c *Case) settings() []string {
	var out []string
	text := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	for _, step := range c.steps() {
		switch {
		case step.Impersonate != "":
			out = append(out, "SET immuta.impersonate.user = "+text(step.Impersonate))
		case step.Project != "":
			out = append(out, "SET immuta.project = "+text(step.Project))
		case step.End == "impersonation":
			out = append(out, "RESET immuta.impersonate.user")
		case step.End == "project":
			out = append(out, "RESET immuta.project")
		}
	}
	return out
}

func (c *Case) sql() (string, error) {
	if c.Query != "" {
		return c.Query, nil
	}
	literal := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	switch c.Operation {
	case "", "read":
	case "list":
		return "SELECT table_name FROM information_schema.tables WHERE table_schema = " + literal(c.read.def.Path[0]) +
			" AND table_name = " + literal(c.read.def.Path[1]), nil
	default:
		return "", fmt.Errorf("the gateway cannot %s: declare an exception", c.Operation)
	}
	columns, err := c.columns()
	if err != nil {
		return "", err
	}
	quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	var names []string
	for _, i := range columns {
		names = append(names, quote(c.read.def.Columns[i].Name))
	}
	if len(names) == 0 {
		names = []string{"*"}
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM " + quote(c.read.def.Path[0]) + "." + quote(c.read.def.Path[1]), nil
}

// listed turns what the catalogue says into a verdict: what it does not show does not exist.
func listed(rows [][][]byte) answer {
	if len(rows) == 0 {
		return answer{denied: stead.NotFound.String(), message: "the catalogue does not show it"}
	}
	return answer{}
}

// refusals are the SQLSTATEs that a case may expect, as codes.
var refusals = map[string]stead.Code{"42501": stead.Denied, "42P01": stead.NotFound, "28000": stead.Unauthenticated,
	"28P01": stead.Unauthenticated, "0A000": stead.Unsupported}

func refused(err error) (answer, error) {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return answer{}, err
	}
	code, ok := refusals[e.Code]
	if !ok {
		return answer{}, fmt.Errorf("refused with %s: %s", e.Code, e.Message)
	}
	return answer{denied: code.String(), message: e.Message}, nil
}

// shown is what came over the wire, with its columns as the engine describes them.
func (c *Case) shown(fields []pgconn.FieldDescription, rows [][][]byte, describe func(pgconn.FieldDescription) string) (answer, error) {
	types, err := c.types()
	if err != nil {
		return answer{}, err
	}
	if len(types) != len(fields) {
		return answer{}, fmt.Errorf("%d columns, not %d", len(fields), len(types))
	}
	out := answer{types: []string{}}
	for _, f := range fields {
		out.types = append(out.types, describe(f))
	}
	out.rows, err = fromRows(rows, types)
	return out, err
}

// fromRows reads rows in PostgreSQL's text format, shows and sorts them.
func fromRows(rows [][][]byte, types []expr.Type) ([]string, error) {
	var out []string
	for _, row := range rows {
		line := make([]string, len(row))
		for i, b := range row {
			v, err := fromWire(b, types[i])
			if err != nil {
				return out, fmt.Errorf("column %d: %w", i, err)
			}
			line[i] = show(v, types[i])
		}
		out = append(out, strings.Join(line, " | "))
	}
	slices.Sort(out)
	return out, nil
}

// described is typeOf for a column that came over the wire.
func (g *live) described(f pgconn.FieldDescription) string {
	for _, t := range wireTypes() {
		if p := pgtype.Of(t); p.OID == f.DataTypeOID {
			return fmt.Sprintf("%s (%d, %d)", p.Name, f.DataTypeOID, f.TypeModifier)
		}
	}
	return fmt.Sprintf("? (%d, %d)", f.DataTypeOID, f.TypeModifier)
}
