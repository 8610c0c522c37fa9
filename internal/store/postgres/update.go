package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"stead"
	"stead/internal/store"
)

// retries is how often a transaction is run again that the database gave up for another's sake, or whose
// connection was found dead before it began.
const retries = 5

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) (rev stead.Revision, err error) {
	err = s.repeat(ctx, func() (err error) {
		rev, err = s.update(ctx, fn)
		return err
	})
	if err != nil {
		return 0, err
	}
	s.watchers.Announce()
	return rev, nil
}

// repeat runs fn until it is done, or fails with what another attempt would not change.
func (s *Store) repeat(ctx context.Context, fn func() error) error {
	for attempt := 0; ; attempt++ {
		err := fn()
		if err == nil || attempt >= retries || ctx.Err() != nil || !s.again(err) {
			return translate(ctx, err)
		}
	}
}

// direct runs fn, which may be run twice, on a connection without a transaction.
func (s *Store) direct(ctx context.Context, fn func(context.Context, *pgx.Conn) error) error {
	return s.repeat(ctx, func() error {
		c, err := s.acquire(ctx)
		if err != nil {
			return notBegun{err}
		}
		defer c.Release()
		if err := bounded(ctx, s.ask, func(ctx context.Context) error { return fn(ctx, c.Conn()) }); err != nil {
			return notBegun{err}
		}
		return nil
	})
}

// notBegun is a failure before fn ran.
type notBegun struct{ error }

func (n notBegun) Unwrap() error { return n.error }

// again reports whether another attempt may succeed, and cannot do anything twice.
func (s *Store) again(err error) bool {
	var server *pgconn.PgError
	if errors.As(err, &server) && (server.Code == "40001" || server.Code == "40P01") {
		return true
	}
	var connect *pgconn.ConnectError
	if !errors.As(err, new(notBegun)) || !away(err) || errors.As(err, &connect) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	s.pool.Reset() // the other connections are as dead as this one
	return true
}

func (s *Store) update(ctx context.Context, fn func(store.Tx) error) (stead.Revision, error) {
	if err := s.await(ctx); err != nil {
		return 0, err
	}
	defer func() { <-s.turn }()
	c, err := s.acquire(ctx)
	if err != nil {
		return 0, notBegun{err}
	}
	defer c.Release()
	conn := c.Conn()
	defer rollback(conn)
	t := &tx{reader: reader{limits: s.limits, conn: conn}}
	id := identity{server: "commit/" + s.opt.Server, token: rand.Text()}
	if err := bounded(ctx, s.ask, func(ctx context.Context) error { return takeTurn(ctx, conn, &t.revision, &id) }); err != nil {
		return 0, notBegun{err}
	}
	if err := fn(t); err != nil {
		return 0, err
	}
	if err := t.finish(ctx); err != nil {
		return 0, err
	}
	if t.changed && int64(t.revision)%trimEvery == 0 {
		if err := bounded(ctx, s.ask, func(ctx context.Context) error { return trim(ctx, conn, int64(t.revision)-s.keep) }); err != nil {
			return 0, err
		}
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return t.revision, s.commit(context.WithoutCancel(ctx), conn, id)
}

// await waits for this process's turn to write.
func (s *Store) await(ctx context.Context) error {
	most := time.NewTimer(lockTime)
	defer most.Stop()
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-most.C:
		return unavailable("the store is busy", "try again")
	}
}

// identity is what a transaction can be asked after by, when the answer to its commit is lost. The token proves a commit: it is
// what this server's last transaction left, and none follows before this one is settled. The number of the transaction does not:
// one that a crash took is given out again.
type identity struct{ xid, cluster, server, token string }

// takeTurn begins a transaction and waits until no other writes: whoever has the row of the revision has the
// turn until its commit can be seen by all. What is read afterwards is the last state.
func takeTurn(ctx context.Context, conn *pgx.Conn, rev *stead.Revision, id *identity) error {
	var b pgx.Batch
	b.Queue("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
	b.Queue("SELECT value, pg_current_xact_id()::text FROM stead.counters WHERE name = $1 FOR UPDATE", store.RevisionCounter).
		QueryRow(func(row pgx.Row) error { return row.Scan(rev, &id.xid) })
	b.Queue("SELECT value FROM stead.meta WHERE name = 'cluster'").QueryRow(func(row pgx.Row) error { return row.Scan(&id.cluster) })
	b.Queue("INSERT INTO stead.meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", id.server, id.token)
	return conn.SendBatch(ctx, &b).Close()
}

// rollback ends what is open; a connection on which it fails is not used again.
func rollback(conn *pgx.Conn) {
	if conn.IsClosed() || conn.PgConn().TxStatus() == 'I' {
		return
	}
	_ = bounded(context.Background(), connectTime, func(ctx context.Context) error {
		_, err := conn.Exec(ctx, "ROLLBACK")
		return err
	})
}

// commit commits, and finds out what became of a commit whose answer was lost.
func (s *Store) commit(ctx context.Context, conn *pgx.Conn, id identity) error {
	var done pgconn.CommandTag
	err := bounded(ctx, s.ask, func(ctx context.Context) (err error) {
		done, err = conn.Exec(ctx, "COMMIT")
		return err
	})
	var server *pgconn.PgError
	switch {
	case err == nil && done.String() == "COMMIT":
		return nil
	case err == nil:
		return stead.Errorf(stead.Internal, "the store did not take the change").WithCause(errors.New(done.String()))
	case errors.As(err, &server) && !strings.HasPrefix(server.Code, "57") && !strings.HasPrefix(server.Code, "08"):
		return err
	}
	return s.resolve(ctx, id, err)
}

// resolve asks what became of a transaction.
func (s *Store) resolve(ctx context.Context, id identity, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, s.ask)
	defer cancel()
	wait := time.NewTicker(100 * time.Millisecond)
	defer wait.Stop()
	for {
		var cluster, status, token string
		c, err := connect(ctx, s.conf)
		if err == nil {
			err = c.QueryRow(ctx, `SELECT c.value, coalesce(pg_xact_status($1::text::xid8), ''), coalesce(t.value, '')
				FROM stead.meta c LEFT JOIN stead.meta t ON t.name = $2 WHERE c.name = 'cluster'`, id.xid, id.server).Scan(&cluster, &status, &token)
			hangUp(c)
		}
		switch {
		case err == nil && cluster == id.cluster && token == id.token:
			return nil
		case err == nil && cluster == id.cluster && status == "aborted":
			return unavailable("the store's database was lost before the change was made", "try again; nothing was changed").WithCause(cause)
		case err == nil && (cluster != id.cluster || status != "in progress"):
			return unknown(cause)
		}
		select {
		case <-ctx.Done():
			return unknown(cause)
		case <-wait.C:
		}
	}
}

func unknown(cause error) error {
	return unavailable("the store's database was lost while the change was being made, and it is not known whether it was",
		"look whether it is there before you do it again").WithCause(cause)
}

// View implements store.Store.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.view(ctx, func(r *reader) error { return fn(r) })
}

func (s *Store) view(ctx context.Context, fn func(*reader) error) error {
	return s.repeat(ctx, func() error { return s.viewOnce(ctx, fn) })
}

func (s *Store) viewOnce(ctx context.Context, fn func(*reader) error) error {
	c, err := s.acquire(ctx)
	if err != nil {
		return notBegun{err}
	}
	// The caller need not wait for the end of what changed nothing.
	defer func() { go func() { rollback(c.Conn()); c.Release() }() }()
	r := &reader{limits: s.limits, conn: c.Conn()}
	var b pgx.Batch
	b.Queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	// The first read fixes the state that all later ones see.
	b.Queue("SELECT value FROM stead.counters WHERE name = $1", store.RevisionCounter).
		QueryRow(func(row pgx.Row) error { return row.Scan(&r.revision) })
	if err := bounded(ctx, s.ask, func(ctx context.Context) error { return r.conn.SendBatch(ctx, &b).Close() }); err != nil {
		return notBegun{err}
	}
	return fn(r)
}

// Trim forgets log entries up to and including a revision; consumers that are behind it start
// from a full list. The store does it by itself when the log is long.
func (s *Store) Trim(ctx context.Context, upTo stead.Revision) error {
	_, err := s.Update(ctx, func(t store.Tx) error { return trim(ctx, t.(*tx).conn, int64(upTo)) })
	return err
}

func trim(ctx context.Context, conn *pgx.Conn, upTo int64) error {
	tag, err := conn.Exec(ctx, `UPDATE stead.counters SET value = upto FROM
		(SELECT least($1, value) AS upto FROM stead.counters WHERE name = 'revision') AS r
		WHERE name = 'horizon' AND value < upto`, upTo)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	_, err = conn.Exec(ctx, "DELETE FROM stead.changes WHERE revision <= $1", upTo)
	return err
}
