package governed

import (
	"context"
	"errors"
	"io"
	"time"

	"stead"
	"stead/internal/gateway"
	"stead/internal/gateway/catalog"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/rewrite"
	"stead/internal/gateway/sqlstate"
	"stead/internal/session"
)

// rows is a running statement. Its intent is recorded; Close records its outcome.
type rows struct {
	plan  *plan
	st    *session.Statement
	conn  *engineConn
	rows  *duck.Rows
	chunk *chunk
	cols  []gateway.Column
	run   context.Context
	stop  context.CancelCauseFunc
	watch chan struct{} // closed when the watch has ended, nil for the catalogue
	over  chan struct{} // closed to end the watch
	drops []string
	done  bool
	close func()
}

// run starts the statement on the session's connection.
func (p *plan) run(ctx context.Context, st *session.Statement, args []gateway.Arg) (_ *rows, err error) {
	c, err := p.desk.take(ctx, p.served)
	if err != nil {
		return nil, err
	}
	r := &rows{plan: p, st: st, conn: c}
	r.run, r.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(p.engineError(ctx, err), r.release())
		}
	}()
	undo := r.tied(ctx)
	defer undo()
	r.watch, r.over = make(chan struct{}), make(chan struct{})
	go r.watchRights() // from here on: most of the work may happen before the first row
	for _, k := range p.plan.Copies {
		r.drops = append(r.drops, k.Drop)
		n, err := c.conn.Exec(r.run, k.Fill, pick(args, k.Bind)...)
		if err != nil {
			return nil, err
		}
		if k.Limit > 0 && n > k.Limit {
			return nil, rewrite.TooLarge()
		}
	}
	if r.rows, r.cols, err = c.query(r.run, p, pick(args, p.plan.Bind)); err != nil {
		return nil, err
	}
	r.chunk = newChunk(r.rows, r.cols)
	return r, nil
}

// runCatalogue starts a statement in the catalogue, which holds nothing but what the asker may
// see; such statements are counted, not recorded.
func (p *plan) runCatalogue(ctx context.Context, st *session.Statement, args []gateway.Arg) (_ *rows, err error) {
	g := p.desk.g
	schema, err := g.Catalogue.Snapshot(ctx, p.desk.catalogueSet(st, p.query.SearchPath))
	if err != nil {
		return nil, err
	}
	r := &rows{plan: p, close: schema.Release}
	r.run, r.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(err, r.release())
		}
	}()
	sql, err := schema.Rewrite(ctx, p.query.Text, p.query.Params)
	if err != nil {
		return nil, err
	}
	conn, err := g.Catalogue.Conn(ctx)
	if err != nil {
		return nil, err
	}
	r.conn = &engineConn{conn: conn}
	undo := r.tied(ctx)
	defer undo()
	if r.rows, err = conn.Query(r.run, sql, args...); err != nil {
		if why := sqlstate.Cause(ctx, err); sqlstate.Safe(why) {
			return nil, why
		}
		return nil, catalog.Error(err)
	}
	r.cols = catalogueColumns(r.rows.Columns())
	r.chunk = newChunk(r.rows, r.cols)
	return r, nil
}

// pick gives the engine's parameters their values.
func pick(args []gateway.Arg, bind []int) []any {
	out := make([]any, len(bind))
	for i, at := range bind {
		out[i] = args[at]
	}
	return out
}

// tied ends the statement when ctx ends, until it is undone: an answer outlives the message
// that began it when its portal is suspended. After undo nothing is under way any more.
func (r *rows) tied(ctx context.Context) (undo func()) {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		r.stop(context.Cause(ctx))
		close(ended)
	})
	return func() {
		if !stop() {
			<-ended
		}
	}
}

// watchRights ends the statement within moments of the asker losing a right to what it shows.
func (r *rows) watchRights() {
	defer close(r.watch)
	tick := time.NewTicker(r.plan.desk.g.watch())
	defer tick.Stop()
	for {
		select {
		case <-r.over:
			return
		case <-r.run.Done():
			return
		case <-tick.C:
			if err := r.Check(r.run); err != nil {
				r.stop(err)
				return
			}
		}
	}
}

var errRightsChanged = sqlstate.Errorf(sqlstate.Denied, stead.Denied, "what you may see changed while the statement ran").
	WithHint("Run the statement again.")

// Check implements gateway.Rows.
func (r *rows) Check(ctx context.Context) error {
	if r.st == nil {
		return nil // the catalogue of then: it never held anything hidden
	}
	if err := r.run.Err(); err != nil {
		return sqlstate.Cause(r.run, err)
	}
	now, err := r.plan.desk.Begin(ctx)
	if err != nil {
		return err
	}
	if now.Asker.Revision == r.st.Asker.Revision {
		return nil
	}
	if now.Asker.Subject.Identity != r.st.Asker.Subject.Identity {
		return errRightsChanged
	}
	for _, l := range r.plan.plan.Leaves {
		if d := now.Decide(l.Object, stead.Read); d.Verdict != stead.Allow || d.Fingerprint != l.Fingerprint {
			return errRightsChanged
		}
	}
	return nil
}

// Columns implements gateway.Rows.
func (r *rows) Columns() []gateway.Column { return r.cols }

// Next implements gateway.Rows.
func (r *rows) Next(ctx context.Context) (gateway.Chunk, error) {
	if r.done {
		return nil, io.EOF
	}
	undo := r.tied(ctx)
	defer undo()
	n, err := r.rows.Next()
	if why := r.run.Err(); why != nil {
		return nil, sqlstate.Cause(r.run, why)
	}
	if err != nil {
		if r.st == nil {
			return nil, catalog.Error(err)
		}
		return nil, r.plan.engineError(ctx, err)
	}
	if n == 0 {
		r.done = true
		return nil, io.EOF
	}
	r.chunk.n = n
	return r.chunk, nil
}

// Close implements gateway.Rows.
func (r *rows) Close(rows int64, err error) error {
	released := r.release()
	if r.st == nil {
		return released
	}
	return errors.Join(released, r.st.Outcome(context.Background(), rows, err))
}

// release ends what the statement holds. The context ends last: its end interrupts the
// connection, which could meet the session's next statement. For the same reason a connection
// that was interrupted is closed, as is one that may keep something of the statement.
func (r *rows) release() (err error) {
	if r.watch != nil {
		close(r.over)
		<-r.watch
	}
	if r.rows != nil {
		err = r.rows.Close()
	}
	interrupted := r.run.Err() != nil
	r.stop(nil)
	if r.close != nil {
		r.close()
	}
	if r.conn == nil {
		return err
	}
	for _, drop := range r.drops {
		if _, derr := r.conn.conn.Exec(context.Background(), drop); derr != nil {
			r.conn.served = nil // closing it drops what is left
		}
	}
	if err != nil || interrupted {
		r.conn.served = nil
	}
	return errors.Join(err, r.plan.desk.give(r.conn))
}
