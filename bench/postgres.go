package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/decide"
	"stead/internal/pgserver"
	"stead/internal/push"
	"stead/internal/push/postgres"
	"stead/internal/reconcile"
	"stead/policy"
)

// onPostgres measures what governing a real PostgreSQL server costs those who ask it.
func onPostgres(ctx context.Context, rep *report, o options) error {
	sizes := []int64{o.rows}
	if o.rows > 1_000_000 {
		sizes = []int64{1_000_000, o.rows}
	}
	for _, rows := range sizes {
		if err := rowsOnPostgres(ctx, rep, o, rows); err != nil {
			return fmt.Errorf("%d rows: %w", rows, err)
		}
	}
	return nil
}

// analystThere and standIn are roles of the server: who asks, and who asks in the other's stead.
const (
	analystThere = "ana"
	standIn      = "svc"
)

// pgSite is a server with one governed database.
type pgSite struct {
	server   *pgserver.Server
	admin    *pgx.Conn
	platform *postgres.Platform
	revision stead.Revision
	state    *push.State // that it holds
}

// openSite starts a server, with the roles of the analyst and of who stands in for her.
func openSite(ctx context.Context, conf ...string) (_ *pgSite, err error) {
	s := &pgSite{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.server, err = pgserver.Start(ctx, conf...); err != nil {
		return nil, err
	}
	if s.admin, err = s.dial(ctx, pgserver.Superuser); err != nil {
		return nil, err
	}
	if err = s.exec(ctx, "CREATE ROLE "+analystThere+" LOGIN", "CREATE ROLE "+standIn+" LOGIN"); err != nil {
		return nil, err
	}
	s.platform, err = postgres.Open(ctx, postgres.Config{Address: s.server.DSN(pgserver.Superuser, "postgres"), Connection: "pg", Instance: "bench",
		Key: func(context.Context, string) (string, error) { return handKey, nil }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	return s, err
}

func (s *pgSite) close() error {
	var errs []error
	if s.platform != nil {
		errs = append(errs, s.platform.Close())
	}
	if s.admin != nil {
		errs = append(errs, s.admin.Close(context.Background()))
	}
	if s.server != nil {
		errs = append(errs, s.server.Close())
	}
	return errors.Join(errs...)
}

func (s *pgSite) dial(ctx context.Context, role string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, s.server.DSN(role, "postgres"))
}

func (s *pgSite) exec(ctx context.Context, statements ...string) error {
	for _, sql := range statements {
		if _, err := s.admin.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("%.200s: %w", sql, err)
		}
	}
	return nil
}

// took is how long the parts of a change took.
type took struct{ build, plan, apply time.Duration }

func (t took) all() time.Duration { return t.build + t.plan + t.apply }

// bring has the server enforce a world, and tells what the plan was.
func (s *pgSite) bring(ctx context.Context, w *decide.World) (*push.Plan, took, error) {
	var t took
	began := time.Now()
	next, err := reconcile.Build(w, "pg", s.state)
	if err != nil {
		return nil, t, err
	}
	t.build = time.Since(began)
	began = time.Now()
	plan, err := s.platform.Plan(ctx, next, s.state)
	if err != nil {
		return nil, t, err
	}
	t.plan = time.Since(began)
	if len(plan.Problems) > 0 && plan.Problems[0].Blocking {
		return nil, t, fmt.Errorf("%s: %s", plan.Problems[0].Object, plan.Problems[0].Message)
	}
	began = time.Now()
	if err := s.platform.Apply(ctx, plan, nil); err != nil {
		return nil, t, fmt.Errorf("%w: %w", err, errors.Unwrap(err))
	}
	t.apply = time.Since(began)
	s.state = next
	return plan, t, nil
}

// next is the revision of the next world.
func (s *pgSite) next() stead.Revision {
	s.revision++
	return s.revision
}

// people are the analyst, who stands in for her, and many others.
func people(n int) []*stead.Identity {
	all := []*stead.Identity{
		{ID: 1, Kind: stead.User, IAM: stead.DefaultIAM, Name: analystThere, Attributes: stead.Attributes{"region": {"EU"}, "dept": {"d17"}}},
		{ID: 2, Kind: stead.User, IAM: stead.DefaultIAM, Name: standIn, Permissions: []stead.Permission{stead.ImpersonateUser}}}
	for i := len(all); i < n; i++ {
		all = append(all, &stead.Identity{ID: stead.IdentityID(i + 1), Kind: stead.User, IAM: stead.DefaultIAM, Name: fmt.Sprintf("user%d", i),
			Attributes: stead.Attributes{"region": {fmt.Sprintf("R%d", i%10)}, "dept": {fmt.Sprintf("d%d", i%1000)}}})
	}
	return all
}

// decoded reads policy documents; the number of a policy is its place.
func decoded(docs ...string) ([]*policy.Policy, error) {
	var out []*policy.Policy
	for i, doc := range docs {
		p, err := policy.Decode([]byte(doc))
		if err != nil {
			return nil, fmt.Errorf("%.120s: %w", doc, err)
		}
		p.ID = int64(i + 1)
		out = append(out, p)
	}
	return out, nil
}

// answer asks one statement and returns everything that came, so that it can be compared.
func answer(ctx context.Context, c *pgx.Conn, sql string, args ...any) (string, error) {
	rows, err := c.Query(ctx, sql, args...)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for rows.Next() {
		for _, v := range rows.RawValues() {
			b.Write(v)
			b.WriteByte('|')
		}
	}
	return b.String(), rows.Err()
}
