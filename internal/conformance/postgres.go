package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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
