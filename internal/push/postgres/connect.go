package postgres

import (
	"context"
	"io"
	"log/slog"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"stead/internal/push"
	"stead/internal/push/postgres/collect"
	"stead/internal/push/postgres/server"
)

// oldest is the first version of the server that is governed: older ones run views' row security as their owner only.
const oldest = 150000

// Config says which database is governed, and how.
type Config struct {
	// Address is a postgres:// URL or key=value DSN without a password.
	Address  string
	Password string
	Settings push.Settings
	// Connection is the connection's key, and Instance this installation of stead: a database is governed by one.
	Connection string
	Instance   string
	// Key gives the hash key of an id as 64 hexadecimal digits.
	Key func(ctx context.Context, id string) (string, error)
	Log *slog.Logger
}

// Platform is one governed database.
type Platform struct {
	cfg  Config
	pool *pgxpool.Pool

	mu   sync.Mutex
	held holding
}

var (
	_ push.Platform  = (*Platform)(nil)
	_ push.Collector = (*Platform)(nil)
)

// Open makes the platform; the server is reached when it is first asked. An address that cannot be read is stead.Invalid.
func Open(ctx context.Context, cfg Config) (*Platform, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	pool, err := server.Open(ctx, cfg.Address, cfg.Password)
	if err != nil {
		return nil, err
	}
	return &Platform{cfg: cfg, pool: pool}, nil
}

// Close lets go of the connections.
func (p *Platform) Close() error {
	p.pool.Close()
	return nil
}

// Collect implements push.Collector.
func (p *Platform) Collect(ctx context.Context, keep func(context.Context, push.Batch) error) (push.Reach, error) {
	d := &collect.Database{Pool: p.pool, Connection: p.cfg.Connection, Application: server.Application,
		ImpersonationRole: p.cfg.Settings.ImpersonationRole, Views: governedSchema}
	return d.Collect(ctx, keep)
}

// look runs f in a transaction that sees one moment and can change nothing.
func (p *Platform) look(ctx context.Context, f func(pgx.Tx) error) error {
	tx, err := p.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return server.Fault(err, "the PostgreSQL server cannot be reached")
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // nothing to lose
	if err := f(tx); err != nil {
		return server.Fault(err, "the database cannot be inspected")
	}
	return nil
}
