package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"stead"
	dialect "stead/dialect/duckdb"
	"stead/internal/gateway/duck"
	"stead/policy/expr"
)

// writeTables writes the tables of all cases into a database file and as Parquet files.
func writeTables(ctx context.Context, dir string, cases []*Case) error {
	var statements []string
	for _, c := range cases {
		if c.Exceptions["gateway"] != "" {
			continue
		}
		schema := fmt.Sprintf("c%d", c.number)
		if err := os.MkdirAll(filepath.Join(parquet.address(dir), schema), 0o700); err != nil {
			return err
		}
		statements = append(statements, "CREATE SCHEMA "+schema)
		var views []string
		for _, t := range c.tables {
			if t.def.Connection != connection {
				continue
			}
			if t.view != "" {
				views = append(views, viewStatement(c, t))
				continue
			}
			more, err := tableStatements(dir, c, t)
			if err != nil {
				return at(c.Place, err)
			}
			statements = append(statements, more...)
		}
		statements = append(statements, views...)
	}
	return duck.Make(ctx, database.address(dir), statements)
}

// nameOf is the table within the database file.
func nameOf(c *Case, t *table) string {
	return fmt.Sprintf("c%d.%s", c.number, dialect.Quote(strings.Join(t.def.Path, "_")))
}

// viewStatement makes a view; {case} in its query is the schema of the case's tables.
func viewStatement(c *Case, t *table) string {
	return "CREATE VIEW " + nameOf(c, t) + " AS " + strings.ReplaceAll(t.view, "{case}", fmt.Sprintf("c%d", c.number))
}

func tableStatements(dir string, c *Case, t *table) ([]string, error) {
	name := nameOf(c, t)
	var columns []string
	for _, col := range t.def.Columns {
		typ, err := typeName(col.Type)
		if err != nil {
			return nil, err
		}
		columns = append(columns, dialect.Quote(col.Name)+" "+typ)
	}
	out := []string{"CREATE TABLE " + name + " (" + strings.Join(columns, ", ") + ")"}
	for _, r := range t.rows {
		values, err := literals(r, t.def.Columns)
		if err != nil {
			return nil, err
		}
		out = append(out, "INSERT INTO "+name+" VALUES ("+values+")")
	}
	file := filepath.Join(parquet.address(dir), parquet.location(c, t))
	return append(out, "COPY "+name+" TO '"+strings.ReplaceAll(file, "'", "''")+"' (FORMAT parquet)"), nil
}

func typeName(t expr.Type) (string, error) {
	if t.Kind == expr.Opaque {
		return t.Native, nil
	}
	return dialect.TypeName(t)
}

func literals(row []expr.Value, columns []stead.Column) (string, error) {
	out := make([]string, len(row))
	for i, v := range row {
		t := columns[i].Type
		switch {
		case !v.Valid:
			out[i] = "NULL"
		case t.Kind == expr.Opaque || t.Kind == expr.Struct || t.Kind == expr.Map:
			typ, err := typeName(t)
			if err != nil {
				return "", err
			}
			out[i] = "CAST('" + strings.ReplaceAll(v.Text, "'", "''") + "' AS " + typ + ")"
		default:
			var err error
			if out[i], err = dialect.Literal(v, t); err != nil {
				return "", err
			}
		}
	}
	return strings.Join(out, ", "), nil
}

// form is what the tables of the cases are stored in.
type form string

const (
	parquet  form = "Parquet files"
	database form = "a database file"
)

func (f form) address(dir string) string {
	if f == parquet {
		return filepath.Join(dir, "files")
	}
	return filepath.Join(dir, "cases.duckdb")
}

// location is where a table of a case lies, relative to the address.
func (f form) location(c *Case, t *table) string {
	if f == parquet {
		return fmt.Sprintf("c%d/%s.parquet", c.number, strings.Join(t.def.Path, "_"))
	}
	return fmt.Sprintf("c%d.%s", c.number, strings.Join(t.def.Path, "_"))
}
