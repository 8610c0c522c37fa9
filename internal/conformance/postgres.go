package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"stead"
	dialect "stead/dialect/postgres"
	"stead/internal/pgserver"
	"stead/internal/push"
	"stead/internal/push/postgres"
	"stead/policy/expr"
)

// together is how many cases stand on the server at once. They share nothing but the look-ups.
const together = 40

// pushedPostgres is a real PostgreSQL server that enforces what was pushed: reconcile makes the state of each case's
// world, the platform plans and applies it, and the case's user connects with a client as the role that they are there.
type pushedPostgres struct {
	server   *pgserver.Server
	admin    *pgx.Conn
	platform *postgres.Platform
	revision stead.Revision
	schemas  []string // of the cases that stand
	answers  map[*Case]answered
	types    map[string]string
}

type answered struct {
	answer
	err error
}

func newPostgres(ctx context.Context, cases []*Case) (_ engine, err error) {
	p := &pushedPostgres{answers: map[*Case]answered{}, types: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if err := p.start(ctx); err != nil {
		return nil, err
	}
	cases = slices.DeleteFunc(slices.Clone(cases), func(c *Case) bool { return c.Exceptions[p.name()] != "" })
	if err := p.learnTypes(ctx, cases); err != nil {
		return nil, err
	}
	var some []*Case
	var alone []*Case
	for _, c := range cases {
		_, err := c.pushed(1)
		switch {
		case err != nil:
			p.answers[c] = answered{err: err}
		case c.alone():
			alone = append(alone, c)
		default:
			some = append(some, c)
		}
	}
	for batch := range slices.Chunk(some, together) {
		if err := p.run(ctx, batch); err != nil {
			return nil, err
		}
	}
	for _, c := range alone {
		if err := p.run(ctx, []*Case{c}); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *pushedPostgres) start(ctx context.Context) (err error) {
	if p.server, err = pgserver.Start(ctx); err != nil {
		return err
	}
	if p.admin, err = pgx.Connect(ctx, p.server.DSN(pgserver.Superuser, "postgres")); err != nil {
		return err
	}
	if err := p.exec(ctx, []string{"CREATE ROLE " + tableOwner}); err != nil {
		return err
	}
	p.platform, err = postgres.Open(ctx, postgres.Config{Address: p.server.DSN(pgserver.Superuser, "postgres"), Connection: connection,
		Instance: "conformance", Key: func(_ context.Context, id string) (string, error) { return keyOfPushed(id) },
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	return err
}

func (p *pushedPostgres) name() string { return "postgres" }

func (p *pushedPostgres) typeOf(t expr.Type) string { return p.types[t.String()] }

func (p *pushedPostgres) ask(_ context.Context, c *Case) (answer, error) {
	a, ok := p.answers[c]
	if !ok {
		return answer{}, fmt.Errorf("the case was not asked")
	}
	return a.answer, a.err
}

func (p *pushedPostgres) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var errs []error
	if p.platform != nil {
		errs = append(errs, p.platform.Close())
	}
	if p.admin != nil {
		errs = append(errs, p.admin.Close(ctx))
	}
	if p.server != nil {
		errs = append(errs, p.server.Close())
	}
	return errors.Join(errs...)
}

// learnTypes asks the server what it calls the types that are expected.
func (p *pushedPostgres) learnTypes(ctx context.Context, cases []*Case) error {
	for _, c := range cases {
		types, err := c.types()
		if err != nil {
			return at(c.Place, err)
		}
		for _, t := range types {
			if p.types[t.String()] != "" {
				continue
			}
			name, err := dialect.TypeName(t)
			if err != nil {
				return at(c.Place, err)
			}
			d, err := p.admin.Prepare(ctx, "", "SELECT CAST(NULL AS "+name+")")
			if err != nil {
				return err
			}
			p.types[t.String()] = describedPG(d.Fields[0])
		}
	}
	return nil
}

func describedPG(f pgconn.FieldDescription) string {
	return fmt.Sprintf("%d (%d)", f.DataTypeOID, f.TypeModifier)
}

// run puts cases on the server in place of those that stand there, and asks them all.
func (p *pushedPostgres) run(ctx context.Context, cases []*Case) error {
	for _, s := range p.schemas {
		if _, err := p.admin.Exec(ctx, "DROP SCHEMA IF EXISTS "+dialect.Quote(s)+", "+dialect.Quote(s+"_gov")+" CASCADE"); err != nil {
			return err
		}
	}
	p.schemas = nil
	p.revision++
	next, err := state(cases, p.revision)
	if err != nil {
		return err
	}
	for _, c := range cases {
		if err := p.prepare(ctx, c, next); err != nil {
			return at(c.Place, err)
		}
	}
	plan, err := p.platform.Plan(ctx, next, nil)
	if err != nil {
		return err
	}
	if err := p.platform.Apply(ctx, plan, nil); err != nil {
		return err
	}
	for _, c := range cases {
		p.answers[c] = p.answered(ctx, c, plan)
	}
	return nil
}

// prepare makes what a case finds on the server: roles, tables, and the clock.
func (p *pushedPostgres) prepare(ctx context.Context, c *Case, next *push.State) error {
	roles := []string{c.login()}
	for id, set := range next.Sets {
		if id.Table == push.Logins {
			for _, r := range set.Rows {
				if strings.HasPrefix(r[0], c.role("")) && r[0] != c.login() {
					roles = append(roles, r[0])
				}
			}
		}
	}
	var statements []string
	for _, r := range roles {
		statements = append(statements, "CREATE ROLE "+dialect.Quote(r)+" LOGIN")
	}
	for name := range strings.SplitSeq(c.setting("gateway.allowedImpersonators"), ",") {
		// whom that setting lists is let in natively here: by membership
		if r := c.role(strings.TrimSpace(name)); slices.Contains(roles, r) {
			statements = append(statements, "GRANT immuta_impersonator TO "+dialect.Quote(r))
		}
	}
	more, err := c.pgStatements()
	if err != nil {
		return err
	}
	for _, t := range c.tables {
		if s := c.schema(t.def.Path[0]); !slices.Contains(p.schemas, s) {
			p.schemas = append(p.schemas, s)
		}
	}
	return p.exec(ctx, append(append(statements, more...), clock(c)))
}

// clock makes the server's clock stand at a case's time of asking, or go on again: what the server knows
// of time is one function, which in a server of ours can be another one.
func clock(c *Case) string {
	const head = "CREATE OR REPLACE FUNCTION pg_catalog.statement_timestamp() RETURNS timestamptz STABLE PARALLEL RESTRICTED "
	if c.Asker.At == "" {
		return head + "STRICT LANGUAGE internal AS 'statement_timestamp'"
	}
	return head + "LANGUAGE sql AS $$ SELECT timestamptz '" + c.at.Format("2006-01-02 15:04:05.000000") + "+00' $$"
}

func (p *pushedPostgres) exec(ctx context.Context, statements []string) error {
	for _, s := range statements {
		if _, err := p.admin.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

func (p *pushedPostgres) answered(ctx context.Context, c *Case, plan *push.Plan) answered {
	for _, x := range plan.Problems {
		if x.Blocking && x.Source != 0 && int(x.Source)/span == c.number {
			return answered{err: fmt.Errorf("%s: %s", x.Object, x.Message)}
		}
	}
	a, err := p.once(ctx, c)
	return answered{a, err}
}

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
	types, err := c.types()
	if err != nil {
		return answer{}, err
	}
	if len(types) != len(fields) {
		return answer{}, fmt.Errorf("%d columns, not %d", len(fields), len(types))
	}
	out := answer{types: []string{}}
	for _, f := range fields {
		out.types = append(out.types, describedPG(f))
	}
	out.rows, err = fromRows(r.Rows, types)
	return out, err
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
