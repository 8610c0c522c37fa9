package postgres

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"stead"
	"stead/internal/push"
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

var _ push.Platform = (*Platform)(nil)

// Open makes the platform; the server is reached when it is first asked. An address that cannot be read is stead.Invalid.
func Open(ctx context.Context, cfg Config) (*Platform, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	c, err := pgxpool.ParseConfig(cfg.Address)
	if err != nil {
		// the text of the error may repeat what stands in the address
		return nil, stead.Errorf(stead.Invalid, "the address of the PostgreSQL server cannot be read").
			WithHint("write postgres://user@host:5432/database or host=... user=... dbname=..., without a password")
	}
	c.ConnConfig.Password = cfg.Password // never one that the server's surroundings hold for something else
	// A pooler in transaction mode keeps no prepared statement for us.
	c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	for name, value := range fixed {
		c.ConnConfig.RuntimeParams[name] = value
	}
	c.ConnConfig.ConnectTimeout = 10 * time.Second
	c.MaxConns, c.MinConns, c.MaxConnIdleTime = 3, 0, 5*time.Minute
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fault(err, "the PostgreSQL server cannot be reached")
	}
	return &Platform{cfg: cfg, pool: pool}, nil
}

// fixed are the settings of our own sessions: texts that we print are bound, and texts that the server prints are
// compared, under them.
var fixed = map[string]string{
	"search_path": "pg_catalog, pg_temp", "timezone": "UTC", "datestyle": "ISO", "intervalstyle": "postgres",
	"application_name": "stead", "standard_conforming_strings": "on", "client_min_messages": "warning",
	"lock_timeout": "500ms", "statement_timeout": "120s", "idle_in_transaction_session_timeout": "60s",
	"default_transaction_isolation": "read committed", "transform_null_equals": "off", "row_security": "on",
	"default_transaction_read_only": "off", "quote_all_identifiers": "off",
	"jit": "off", // compiling what is asked once takes longer than asking it
}

// Close lets go of the connections.
func (p *Platform) Close() error {
	p.pool.Close()
	return nil
}

// fault makes a server's error one that can be shown: the server's own words are for the log, since they may quote data.
func fault(err error, doing string) *stead.Error {
	var own *stead.Error
	if errors.As(err, &own) {
		return own
	}
	e := stead.Errorf(stead.Internal, "%s", doing).WithCause(err)
	var server *pgconn.PgError
	var network net.Error
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &server):
		e.Code, e.Hint = serverFault(server)
	case errors.Is(err, context.Canceled):
		e.Code = stead.Canceled
	case errors.As(err, &connect), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, context.DeadlineExceeded), pgconn.SafeToRetry(err):
		e.Code, e.Hint = stead.Unavailable, "look whether the server runs and can be reached from here"
	}
	return e
}

func serverFault(e *pgconn.PgError) (stead.Code, string) {
	switch class := e.Code[:2]; {
	case e.Code == "42501":
		return stead.Denied, "the role stead connects as lacks a privilege: " + e.Message
	case class == "28":
		return stead.Denied, "the server refuses the role, its password or its address (SQLSTATE " + e.Code + ")"
	case e.Code == "3D000":
		return stead.NotFound, "the database does not exist"
	case e.Code == "25006":
		return stead.Unavailable, "the server is a standby or read only: connect to the primary"
	case e.Code == "55P03" || class == "40" || class == "53" || class == "57" || class == "08" || e.Code == "25P03":
		return stead.Unavailable, "the server was busy or stopped (SQLSTATE " + e.Code + "): it is tried again"
	case e.Code == "2BP01":
		return stead.Conflict, "something depends on it: " + e.Message
	}
	return stead.Internal, "the server said SQLSTATE " + e.Code + ": " + strings.TrimSpace(e.Message)
}

// look runs f in a transaction that sees one moment and can change nothing.
func (p *Platform) look(ctx context.Context, f func(pgx.Tx) error) error {
	tx, err := p.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return fault(err, "the PostgreSQL server cannot be reached")
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // nothing to lose
	if err := f(tx); err != nil {
		return fault(err, "the database cannot be inspected")
	}
	return nil
}
