package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"stead"
	api "stead/client"
	"stead/internal/app"
	"stead/internal/pgserver"
	"stead/policy"
)

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// retryable reports whether the server asked to begin anew.
func retryable(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "55000")
}

// effect is the whole of stead beside a governed server: what is changed over HTTP is looked for there.
type effect struct {
	*pgSite
	api *api.Client
	ana *pgx.Conn
}

// effectOnPostgres measures the time from a request to the API until the governed server answers by it, with 200 tables.
func effectOnPostgres(ctx context.Context, rep *report, o options) (err error) {
	s, err := openSite(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	sql := "CREATE SCHEMA big; GRANT USAGE ON SCHEMA big TO PUBLIC;"
	for i := range effectTables {
		sql += fmt.Sprintf("CREATE TABLE big.t%d AS SELECT g AS id, 'd' || g %% 2 AS dept, 's' || g AS ssn FROM generate_series(1, 10) g;", i)
	}
	if err := s.exec(ctx, sql); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "effect-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cfg := app.Defaults()
	cfg.Data, cfg.HTTP.Listen, cfg.Gateway.Listen = filepath.Join(dir, "state"), "127.0.0.1:0", "127.0.0.1:0"
	whole, err := app.Open(ctx, cfg, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	ready, ended := make(chan app.Addresses, 1), make(chan error, 1)
	go func() { ended <- whole.Serve(serving, func(at app.Addresses) { ready <- at }) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended, whole.Close())
	}()
	e := &effect{pgSite: s}
	select {
	case at := <-ready:
		e.api, err = api.New(at.HTTP, whole.FirstKey, http.DefaultClient)
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil {
		err = e.furnish(ctx)
	}
	if err == nil {
		err = e.changes(ctx, rep, max(5, o.rounds))
	}
	return err
}

const effectTables = 200

func (e *effect) furnish(ctx context.Context) error {
	if _, err := e.api.PutConnection(ctx, stead.Connection{Key: "pg", Platform: stead.PostgreSQL, Address: e.server.DSN(pgserver.Superuser, "postgres")}, api.With{}); err != nil {
		return err
	}
	if _, _, err := e.api.ApplyConnection(ctx, "pg", true, time.Minute); err != nil {
		return err
	}
	found, err := e.api.Crawl(ctx, "pg")
	if err != nil {
		return err
	}
	for _, f := range found {
		if _, err := e.api.PutSource(ctx, f.Source, api.With{}); err != nil {
			return err
		}
	}
	if err := e.put(ctx, openDoc); err != nil {
		return err
	}
	if err := e.put(ctx, fmt.Sprintf(byDoc, "dept", "dept")); err != nil {
		return err
	}
	if err := e.attribute(ctx, "none"); err != nil {
		return err
	}
	if _, done, err := e.api.ApplyConnection(ctx, "pg", false, 2*time.Minute); err != nil || !done {
		return errors.Join(errors.New("the first push did not finish"), err)
	}
	e.ana, err = e.dial(ctx, analystThere)
	return err
}

func (e *effect) attribute(ctx context.Context, dept string) error {
	_, err := e.api.PutIdentity(ctx, stead.Identity{Kind: stead.User, IAM: stead.DefaultIAM, Name: analystThere, Attributes: stead.Attributes{"dept": {dept}}}, api.With{})
	return err
}

func (e *effect) put(ctx context.Context, doc string) error {
	p, err := policy.Decode([]byte(doc))
	if err != nil {
		return err
	}
	_, err = e.api.PutPolicy(ctx, p.Key, json.RawMessage(doc), api.With{})
	return err
}

// changes times each kind of change there and back.
func (e *effect) changes(ctx context.Context, rep *report, rounds int) error {
	part := fmt.Sprintf("PostgreSQL, from a request to stead until the server answers by it, %d tables", effectTables)
	last := fmt.Sprintf("big.t%d", effectTables-1)
	const clear, hidden = "5|", "0|"
	only := func(key string, where string) string {
		return fmt.Sprintf(`{"policyKey":%q,"name":%q,"type":"data","circumstances":[%s],"actions":[{"rules":[{"type":"Row Restriction by Custom Where Clause","config":{"predicate":%%q}}]}]}`, key, key, where)
	}
	one, all := only("one", `{"type":"dataSources","dataSources":["pg:`+last+`"]}`), only("all", `{"type":"all"}`)
	for _, c := range []struct {
		what string
		bar  time.Duration
		do   func(on bool) error
	}{
		{"a user's attribute, a row edit", time.Second, func(on bool) error { return e.attribute(ctx, map[bool]string{true: "d1", false: "none"}[on]) }},
		{"a user is switched off, a row edit", time.Second, func(on bool) error {
			_, err := e.api.DisableIdentity(ctx, stead.DefaultIAM, analystThere, !on, api.With{})
			return err
		}},
		{"a rule of one policy on every table names another attribute, a row edit", time.Second, func(on bool) error {
			return e.put(ctx, fmt.Sprintf(byDoc, map[bool]string{true: "dept", false: "other"}[on], "dept"))
		}},
		{"a policy on one table, an object edit", 0, func(on bool) error {
			return e.put(ctx, fmt.Sprintf(one, map[bool]string{true: "id > 0", false: "id < 0"}[on]))
		}},
		{"a policy on every table, an object edit, seen on the last", 0, func(on bool) error {
			return e.put(ctx, fmt.Sprintf(all, map[bool]string{true: "id > 0", false: "id < 0"}[on]))
		}},
	} {
		var took []time.Duration
		if err := errors.Join(e.attribute(ctx, "d1"), c.do(true)); err != nil {
			return err
		}
		if _, err := e.until(ctx, last, clear, time.Now()); err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		for round := range 2 * rounds {
			on, want := round%2 == 1, map[bool]string{true: clear, false: hidden}[round%2 == 1]
			began := time.Now()
			if err := c.do(on); err != nil {
				return fmt.Errorf("%s: %w", c.what, err)
			}
			d, err := e.until(ctx, last, want, began)
			if err != nil {
				return fmt.Errorf("%s: %w", c.what, err)
			}
			took = append(took, d)
		}
		f := timed(part, c.what, took)
		if c.bar == 0 {
			rep.add(f)
			continue
		}
		slowest := quantile(took, 1)
		rep.add(f)
		rep.against(figure{Part: part, What: "  slowest of " + fmt.Sprint(len(took)), Value: ms(slowest), Unit: "ms"}, "<= 1 s", slowest <= c.bar)
	}
	return nil
}

// until asks as the analyst until an answer comes.
func (e *effect) until(ctx context.Context, table, want string, began time.Time) (time.Duration, error) {
	for {
		got, err := answer(ctx, e.ana, "SELECT count(*)::text FROM "+table)
		switch {
		case err == nil && got == want:
			return time.Since(began), nil
		case e.ana.IsClosed(): // sessions of who is switched off are ended
			if e.ana, err = e.dial(ctx, analystThere); err != nil {
				return 0, err
			}
		case err != nil && !retryable(err):
			return 0, err
		case time.Since(began) > 30*time.Second:
			st, _ := e.api.ConnectionStatus(ctx, "pg")
			return 0, fmt.Errorf("%s is not %q after 30 s, but %q: %+v", table, want, got, st)
		}
	}
}
