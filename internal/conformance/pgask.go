package conformance

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	dialect "stead/dialect/postgres"
)

// once connects as the case's user and does what the case says.
func (p *pushedPostgres) once(ctx context.Context, c *Case) (answer, error) {
	cfg, err := pgx.ParseConfig(p.server.DSN(c.login(), "postgres"))
	if err != nil {
		return answer{}, err
	}
	if !c.alone() {
		// the role's own path has the schemas of all cases
		cfg.RuntimeParams["search_path"] = c.path(true)
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, s := range c.steps() {
		switch {
		case s.Impersonate != "":
			_, _ = conn.PgConn().Exec(ctx, "CALL immuta_procedures.impersonate_user("+pgText(s.Impersonate)+")").ReadAll() // what it refuses shows in the query
		case s.End == "impersonation":
			_, _ = conn.PgConn().Exec(ctx, "CALL immuta_procedures.impersonate_user(NULL)").ReadAll()
		}
	}
	sql, err := c.pgSQL()
	if err != nil {
		return answer{}, err
	}
	r := conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil)
	fields := slices.Clone(r.FieldDescriptions())
	out := r.Read()
	if out.Err != nil {
		a, err := refused(out.Err)
		a.silent = err == nil
		return a, err
	}
	return p.read(ctx, c, fields, out)
}

func pgText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// path finds the tables of the case's schemas, and before them their masking views.
func (c *Case) path(governed bool) string {
	var list []string
	for _, t := range c.tables {
		s := c.schema(t.def.Path[0])
		if governed {
			list = append(list, dialect.Quote(s+"_gov"))
		}
		list = append(list, dialect.Quote(s))
	}
	return strings.Join(list, ", ")
}

var qualified = regexp.MustCompile(`\bdemo\.`)

// pgSQL is what the case's user types: names without their schema, which the search path finds.
func (c *Case) pgSQL() (string, error) {
	if c.Query != "" {
		return qualified.ReplaceAllString(c.Query, ""), nil
	}
	name := dialect.Quote(c.read.def.Path[1])
	switch c.Operation {
	case "", "read":
	case "list":
		return "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = " +
			pgText(c.schema(c.read.def.Path[0])) + " AND c.relname = " + pgText(c.read.def.Path[1]), nil
	case "insert":
		return "INSERT INTO " + name + " DEFAULT VALUES", nil
	case "update":
		column := dialect.Quote(c.read.def.Columns[0].Name)
		return "UPDATE " + name + " SET " + column + " = " + column, nil
	case "delete":
		return "DELETE FROM " + name, nil
	default:
		return "ALTER TABLE " + name + " ADD COLUMN more int", nil
	}
	columns, err := c.columns()
	if err != nil {
		return "", err
	}
	var names []string
	for _, i := range columns {
		names = append(names, dialect.Quote(c.read.def.Columns[i].Name))
	}
	if len(names) == 0 {
		names = []string{"*"}
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM " + name, nil
}

// read makes an answer of a result. Where nothing comes out PostgreSQL does not say why: that is silence, which stands
// for a refusal only where there was something to be silent about.
func (p *pushedPostgres) read(ctx context.Context, c *Case, fields []pgconn.FieldDescription, r *pgconn.Result) (answer, error) {
	switch {
	case c.Operation == "list":
		return listed(r.Rows), nil
	case c.Operation != "" && c.Operation != "read":
		return answer{silent: r.CommandTag.RowsAffected() == 0 && c.Operation != "define"}, nil
	}
	if len(r.Rows) == 0 && c.Expect.Denied != "" {
		return answer{silent: true}, p.control(ctx, c)
	}
	return c.shown(fields, r.Rows, describedPG)
}

// control asks the same as the superuser: a silence proves nothing where there is nothing.
func (p *pushedPostgres) control(ctx context.Context, c *Case) error {
	sql, err := c.pgSQL()
	if err != nil {
		return err
	}
	if err := p.exec(ctx, []string{"SET search_path = " + c.path(false)}); err != nil {
		return err
	}
	r := p.admin.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	if err := p.exec(ctx, []string{"RESET search_path"}); err != nil {
		return err
	}
	if r.Err == nil && len(r.Rows) == 0 {
		return fmt.Errorf("nothing came out, and nothing is there: that proves nothing")
	}
	return r.Err
}
