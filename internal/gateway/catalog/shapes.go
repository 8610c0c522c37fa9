package catalog

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed shapes.txt
var shapesText string

//go:embed static.txt
var staticText string

// shape is a relation of pg_catalog or information_schema as PostgreSQL 15 has it.
type shape struct {
	schema, name string
	oid          int64
	kind         string // r or v, as in pg_class.relkind
	columns      []shapeColumn
}

type shapeColumn struct {
	name string
	typ  string // PostgreSQL's name
}

// table is the name a relation has in the engine's schemas.
func (s *shape) table() string { return tableName(s.schema, s.name) }

// tableName keeps the two schemas apart within one.
func tableName(schema, name string) string {
	if schema == "information_schema" {
		return "is_" + name
	}
	return name
}

func parseShapes(text string) ([]*shape, error) {
	var all []*shape
	for line := range strings.Lines(text) {
		parts := strings.Split(strings.TrimRight(line, "\n"), "\t")
		schema, name, ok := strings.Cut(parts[0], ".")
		if !ok || len(parts) < 4 {
			return nil, fmt.Errorf("shapes: bad line %q", line)
		}
		oid, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("shapes: %s: %w", name, err)
		}
		s := &shape{schema: schema, name: name, oid: oid, kind: parts[2]}
		for _, p := range parts[3:] {
			column, typ, _ := strings.Cut(p, " ")
			s.columns = append(s.columns, shapeColumn{column, typ})
		}
		all = append(all, s)
	}
	return all, nil
}

// staticRows are the rows of one relation that are the same for everybody.
type staticRows struct {
	relation string // schema.name
	columns  []string
	rows     [][]string // fields as COPY writes them, \N is NULL
}

func parseStatic(text string) []*staticRows {
	var all []*staticRows
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if head, ok := strings.CutPrefix(line, "# "); ok {
			relation, columns, _ := strings.Cut(head, " ")
			all = append(all, &staticRows{relation: relation, columns: strings.Split(columns, ",")})
			continue
		}
		last := all[len(all)-1]
		last.rows = append(last.rows, strings.Split(line, "\t"))
	}
	return all
}

// engineType is the DuckDB type of a PostgreSQL catalogue type. Object identifiers are
// numbers; what PostgreSQL prints by name (regclass and the like) gets its name from a macro.
func engineType(pg string) string {
	if elem, ok := strings.CutSuffix(pg, "[]"); ok {
		return engineType(elem) + "[]"
	}
	switch pg {
	case "oid", "bigint", "regproc", "regtype", "xid":
		return "BIGINT"
	case "integer":
		return "INTEGER"
	case "smallint":
		return "SMALLINT"
	case "boolean":
		return "BOOLEAN"
	case "double precision":
		return "DOUBLE"
	case "real":
		return "FLOAT"
	case "numeric":
		return "DECIMAL(38,6)"
	case "timestamp with time zone":
		return "TIMESTAMP WITH TIME ZONE"
	case "interval":
		return "INTERVAL"
	case "bytea":
		return "BLOB"
	case "int2vector":
		return "SMALLINT[]"
	case "oidvector":
		return "BIGINT[]"
	default:
		return "VARCHAR"
	}
}

// missing is the value of a column that nothing was said about: pg_catalog declares most
// columns NOT NULL, and clients rely on it.
func (s *shape) missing(c shapeColumn) string {
	if s.schema != "pg_catalog" {
		return "NULL"
	}
	switch c.typ {
	case "oid", "integer", "smallint", "regproc", "xid", "real":
		return "0"
	case "boolean":
		return "false"
	case `"char"`, "name":
		return "''"
	default:
		return "NULL"
	}
}

func (s *shape) create(schema string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE %s.%s (", schema, quote(s.table()))
	for i, c := range s.columns {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s DEFAULT %s", quote(c.name), engineType(c.typ), s.missing(c))
	}
	b.WriteString(")")
	return b.String()
}

// insert writes rows as one statement; table is already quoted.
func (r *staticRows) insert(table string) string {
	var b strings.Builder
	names := make([]string, len(r.columns))
	for i, c := range r.columns {
		names[i] = quote(c)
	}
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", table, strings.Join(names, ", "))
	for i, row := range r.rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for j, v := range row {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString(r.value(r.columns[j], v))
		}
		b.WriteByte(')')
	}
	return b.String()
}

func (r *staticRows) value(column, v string) string {
	switch {
	case v == `\N`:
		return "NULL"
	case column == "proargtypes":
		return literal("[" + strings.ReplaceAll(v, " ", ",") + "]")
	default:
		return literal(v)
	}
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
