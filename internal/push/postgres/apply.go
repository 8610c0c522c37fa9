package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"stead"
	"stead/internal/push"
	"stead/internal/push/postgres/server"
)

const (
	batch    = 10 // object steps in one transaction: more hold readers up for longer, fewer gain nothing
	attempts = 8  // of a step that finds its table in use
)

// run is one going through a plan.
type running struct {
	p        *Platform
	plan     *push.Plan
	id       string // of the plan, in meta.state between its steps
	last     string // meta.state after it
	closed   map[stead.SourceID]bool
	progress func(push.Progress)
	failed   error
}

// Apply implements push.Platform. Each step is one transaction that also moves meta.state on, so that a plan goes on where it was
// left, and nobody goes on from where they are not.
func (p *Platform) Apply(ctx context.Context, plan *push.Plan, progress func(push.Progress)) error {
	if stopped(plan) {
		return stead.Errorf(stead.Conflict, "a problem stands in the way of the whole plan").WithHint("look at the plan's problems")
	}
	if progress == nil {
		progress = func(push.Progress) {}
	}
	r := &running{p: p, plan: plan, progress: progress, closed: closed(plan.Problems)}
	if len(plan.Steps) == 0 {
		return nil
	}
	r.last = p.token(plan.Next, r.closed)
	r.id = r.name()
	at, err := r.begin(ctx)
	if err != nil {
		return err
	}
	for at < len(plan.Steps) {
		if at, err = r.go1(ctx, at); err != nil {
			return err
		}
	}
	if r.failed != nil {
		return r.failed
	}
	p.hold(plan, r.last)
	return nil
}

// name is a digest of what the plan does and where it starts.
func (r *running) name() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %d %q", r.plan.Start, r.plan.To, r.last)
	for _, s := range r.plan.Steps {
		fmt.Fprintf(h, "%s %q %d %q %v %v", s.Kind, s.Object, s.Source, s.SQL, s.Edits, s.Keys)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// state is what meta.state says before step n.
func (r *running) state(n int) string {
	switch {
	case n == 0:
		return r.plan.Start
	case n == len(r.plan.Steps) && r.failed == nil:
		return r.last
	}
	return r.id + "#" + strconv.Itoa(n)
}

// begin finds the step to begin with.
func (r *running) begin(ctx context.Context) (int, error) {
	var there bool
	var state string
	err := r.p.look(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT to_regclass('immuta_system.meta') IS NOT NULL`).Scan(&there); err != nil || !there {
			return err
		}
		return tx.QueryRow(ctx, `SELECT coalesce(min(state), '') FROM immuta_system.meta`).Scan(&state)
	})
	if err != nil {
		return 0, err
	}
	left, n, between := strings.Cut(state, "#")
	switch at, err := strconv.Atoi(n); {
	case state == r.plan.Start:
		return 0, nil
	case there && state == r.last:
		return len(r.plan.Steps), nil
	case between && left == r.id && err == nil && at > 0 && at <= len(r.plan.Steps):
		return at, nil
	}
	return 0, moved()
}

func moved() error {
	return stead.Errorf(stead.Conflict, "the database is not where the plan starts from").WithHint("it is planned anew")
}

// go1 carries out one step, or a batch of object steps, and returns the next one.
func (r *running) go1(ctx context.Context, at int) (int, error) {
	until := at + 1
	for r.plan.Steps[at].Kind == push.ObjectEdit && until < len(r.plan.Steps) && until-at < batch && r.plan.Steps[until].Kind == push.ObjectEdit {
		until++
	}
	began := time.Now()
	err := r.commit(ctx, at, until)
	for try := 1; err != nil && (busy(err) || until > at+1); try++ {
		if stead.CodeOf(err) == stead.Conflict && !dependent(err) || ctx.Err() != nil {
			break
		}
		r.progress(push.Progress{Done: at, Total: len(r.plan.Steps), Step: &r.plan.Steps[at], Retry: err, Took: time.Since(began)})
		until = at + 1 // one bad table does not hold up others
		if busy(err) && try > 1 {
			if try > attempts {
				break
			}
			if err := pause(ctx, time.Duration(try*try)*40*time.Millisecond); err != nil {
				return at, err
			}
		}
		err = r.commit(ctx, at, until)
	}
	if err != nil {
		if err = r.skip(ctx, at, err); err != nil {
			return at, err
		}
	}
	took := time.Since(began) / time.Duration(until-at)
	for i := at; i < until; i++ {
		r.progress(push.Progress{Done: i + 1, Total: len(r.plan.Steps), Step: &r.plan.Steps[i], Took: took})
	}
	return until, nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return server.Fault(ctx.Err(), "the apply was cut off")
	}
}

// busy reports whether a step failed because others use the table now.
func busy(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "55P03" || e.Code[:2] == "40")
}

func dependent(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "2BP01"
}

// skip closes the source of an object step that cannot be carried out and goes on with the others; the plan as a
// whole has failed then. Any other error ends the plan.
func (r *running) skip(ctx context.Context, at int, err error) error {
	step := &r.plan.Steps[at]
	var server *pgconn.PgError
	if (step.Kind != push.ObjectEdit && step.Kind != push.Release) || !errors.As(err, &server) || server.Code[:2] == "57" || server.Code[:2] == "08" {
		return err
	}
	e := stead.AsError(err)
	r.failed = errors.Join(r.failed, &push.StepError{Step: step,
		Err: stead.Errorf(e.Code, "%s: %s", step.Object, e.Message).WithHint("%s", e.Hint).WithCause(err)})
	return r.transact(ctx, at, at+1, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE immuta_system.source SET serves = false WHERE source = $1`, int64(step.Source))
		return err
	})
}

// commit carries out the steps from at until before until in one transaction.
func (r *running) commit(ctx context.Context, at, until int) error {
	return r.transact(ctx, at, until, func(tx pgx.Tx) error {
		if until-at > 1 {
			return r.together(ctx, tx, r.plan.Steps[at:until])
		}
		return r.step(ctx, tx, &r.plan.Steps[at])
	})
}

// together carries out object steps in few round trips: all statements, then the rows of all.
func (r *running) together(ctx context.Context, tx pgx.Tx, steps []push.Step) error {
	var sql []string
	var edits []push.Edit
	for _, s := range steps {
		sql, edits = append(sql, s.SQL...), append(edits, s.Edits...)
	}
	if err := statements(ctx, tx, sql...); err != nil {
		return err
	}
	return edit(ctx, tx, tidy(edits))
}

// transact runs f in a transaction that takes meta.state from one step to another.
func (r *running) transact(ctx context.Context, at, until int, f func(pgx.Tx) error) error {
	tx, err := r.p.pool.Begin(ctx)
	if err != nil {
		return server.Fault(err, "the PostgreSQL server cannot be reached")
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // nothing to undo after a commit
	if err := r.move(ctx, tx, at, until, f); err != nil {
		return server.Fault(err, "the step "+string(r.plan.Steps[at].Kind)+" of "+r.plan.Steps[at].Object+" failed")
	}
	if err := tx.Commit(ctx); err != nil {
		return server.Fault(err, "the step "+string(r.plan.Steps[at].Kind)+" of "+r.plan.Steps[at].Object+" could not be committed")
	}
	return nil
}

func (r *running) move(ctx context.Context, tx pgx.Tx, at, until int, f func(pgx.Tx) error) error {
	// The server may know nothing yet about thousands of policies that are new: it would read them all for each.
	first := []string{`SET LOCAL enable_seqscan = off`, `SELECT pg_advisory_xact_lock(hashtextextended('stead:apply', 0))`}
	if r.plan.Steps[at].Kind == push.ObjectEdit {
		// Our own event trigger need not look at what we do ourselves, command by command.
		first = append(first, `SELECT set_config('session_replication_role', 'replica', true) WHERE has_parameter_privilege('session_replication_role', 'SET')`)
	}
	if err := statements(ctx, tx, first...); err != nil {
		return err
	}
	boot := r.plan.Steps[at].Kind == push.Bootstrap
	if !boot {
		var state string
		if err := tx.QueryRow(ctx, `SELECT state FROM immuta_system.meta FOR UPDATE`).Scan(&state); err != nil {
			return err
		}
		if state != r.state(at) {
			return moved()
		}
	}
	if err := f(tx); err != nil {
		return err
	}
	// The revision moves with the first step: what it withdrew is not given back by somebody who knows less, also where the
	// database has come back to what they know meanwhile.
	tag, err := tx.Exec(ctx, `UPDATE immuta_system.meta SET state = $1, revision = $2
		WHERE connection = $3 AND instance = $4 AND (state = $5 OR $6) AND revision <= $2`,
		r.state(until), int64(r.plan.To), r.p.cfg.Connection, r.p.cfg.Instance, r.state(at), boot && r.plan.Start == "")
	if err != nil {
		return err
	}
	if tag.RowsAffected() != 1 {
		return moved()
	}
	return nil
}

// step carries out one step.
func (r *running) step(ctx context.Context, tx pgx.Tx, s *push.Step) error {
	switch s.Kind {
	case push.Bootstrap, push.ObjectEdit, push.RoleEdit, push.Terminate, push.Release:
		if err := statements(ctx, tx, s.SQL...); err != nil {
			return err
		}
		return edit(ctx, tx, s.Edits)
	case push.RowEdit:
		return edit(ctx, tx, s.Edits)
	case push.KeyEdit:
		return r.p.putKeys(ctx, tx, s.Keys, r.plan.Next.Keys)
	}
	return stead.Errorf(stead.Unsupported, "the step %q is not known", s.Kind)
}

// statements runs texts of ours in one round trip.
func statements(ctx context.Context, tx pgx.Tx, sql ...string) error {
	if len(sql) == 0 {
		return nil
	}
	_, err := tx.Conn().PgConn().Exec(ctx, strings.Join(sql, ";\n")).ReadAll()
	var server *pgconn.PgError
	if errors.As(err, &server) && server.Code == "23502" && server.TableName == "governed" && server.ColumnName == "fingerprint" {
		return moved() // see object.same
	}
	return err
}
