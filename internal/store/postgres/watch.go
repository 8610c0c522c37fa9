package postgres

import (
	"context"
	"hash/crc32"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"stead"
)

const (
	// channel is where commits are told of.
	channel = "stead_store"
	// pollEvery is how often the database is asked when it tells nothing.
	pollEvery = 500 * time.Millisecond
)

// Watch implements store.Store.
func (s *Store) Watch(ctx context.Context) <-chan struct{} { return s.watchers.Watch(ctx) }

// listen makes the connection that hears of commits, and takes this server's name at the store with it: both
// last as long as the connection.
func (s *Store) listen(ctx context.Context) (*pgx.Conn, error) {
	c, err := connect(ctx, s.conf)
	if err != nil {
		return nil, err
	}
	err = bounded(ctx, s.ask, func(ctx context.Context) error { return s.enter(ctx, c) })
	if err != nil {
		hangUp(c)
		return nil, err
	}
	s.held.Store(true)
	return c, nil
}

// enter waits a while for the name: that of a server that was killed is free when the database has noticed.
func (s *Store) enter(ctx context.Context, c *pgx.Conn) error {
	if err := ready(ctx, c); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, "SELECT pg_advisory_lock_shared($1, $2)", locks, runningLock); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, "SELECT pg_advisory_lock($1, $2)", nameLocks, int32(crc32.ChecksumIEEE([]byte(s.opt.Server)))); err != nil {
		if e, ok := err.(*pgconn.PgError); ok && e.Code == "55P03" {
			return taken(s.opt.Server)
		}
		return err
	}
	if s.deaf {
		return nil
	}
	_, err := c.Exec(ctx, "LISTEN "+channel)
	return err
}

func taken(server string) error {
	return stead.Errorf(stead.Conflict, "another server uses the store under the name %q", server).
		WithHint("give each server a name and a data folder of its own: server in the configuration, STEAD_SERVER")
}

// mustHold refuses what only one server of a name may do.
func (s *Store) mustHold() error {
	if s.held.Load() {
		return nil
	}
	return unavailable("this server does not hold its name at the store at present", "it is tried again; the server's log has the cause")
}

// follow tells the watchers of commits of other servers until ctx ends.
func (s *Store) follow(ctx context.Context, c *pgx.Conn) {
	told := false // of a failure that lasts
	for ctx.Err() == nil {
		err := error(nil)
		if c == nil {
			c, err = s.listen(ctx)
		}
		if err == nil {
			told = false
			s.watchers.Announce() // there may have been commits while nobody listened
			err = s.hear(ctx, c)
			s.held.Store(false)
			hangUp(c)
			c = nil
		}
		if ctx.Err() != nil {
			return
		}
		if s.opt.Failed != nil && !told {
			s.opt.Failed(translate(ctx, err))
		}
		told = true
		again := time.NewTimer(pollEvery)
		select {
		case <-ctx.Done():
		case <-again.C:
		}
		again.Stop()
	}
	if c != nil {
		hangUp(c)
	}
}

// hear waits for what the database tells, and asks it when it is silent.
func (s *Store) hear(ctx context.Context, c *pgx.Conn) error {
	var last string
	for {
		err := bounded(ctx, pollEvery, func(ctx context.Context) error {
			_, err := c.WaitForNotification(ctx)
			return err
		})
		switch {
		case err == nil:
			s.watchers.Announce()
			continue
		case ctx.Err() != nil || !pgconn.Timeout(err) || c.IsClosed():
			return err
		}
		var now string
		err = bounded(ctx, connectTime, func(ctx context.Context) error {
			return c.QueryRow(ctx, "SELECT string_agg(name || value, ' ' ORDER BY name) FROM stead.counters WHERE name IN ('revision', 'record')").Scan(&now)
		})
		if err != nil {
			return err
		}
		if now != last {
			s.watchers.Announce()
		}
		last = now
	}
}
