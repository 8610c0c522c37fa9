// Package server is how the platform's packages talk to a PostgreSQL server: their sessions, its errors, what it lists.
package server

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"stead"
)

// Application is the application_name of our own sessions.
const Application = "stead"

// fixed are the settings of our own sessions: texts that we print are bound, and texts that the server prints are
// compared, under them.
var fixed = map[string]string{
	"search_path": "pg_catalog, pg_temp", "timezone": "UTC", "datestyle": "ISO", "intervalstyle": "postgres",
	"application_name": Application, "standard_conforming_strings": "on", "client_min_messages": "warning",
	"lock_timeout": "500ms", "statement_timeout": "120s", "idle_in_transaction_session_timeout": "60s",
	"default_transaction_isolation": "read committed", "transform_null_equals": "off", "row_security": "on",
	"default_transaction_read_only": "off", "quote_all_identifiers": "off",
	"jit": "off", // compiling what is asked once takes longer than asking it
}

// Open makes a pool of our own sessions; the server is reached when it is first asked. An address that cannot be read is stead.Invalid.
func Open(ctx context.Context, address, password string) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(address)
	if err != nil {
		// the text of the error may repeat what stands in the address
		return nil, stead.Errorf(stead.Invalid, "the address of the PostgreSQL server cannot be read").
			WithHint("write postgres://user@host:5432/database or host=... user=... dbname=..., without a password")
	}
	c.ConnConfig.Password = password // never one that the server's surroundings hold for something else
	// A pooler in transaction mode keeps no prepared statement for us.
	c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	for name, value := range fixed {
		c.ConnConfig.RuntimeParams[name] = value
	}
	c.ConnConfig.ConnectTimeout = 10 * time.Second
	c.MaxConns, c.MinConns, c.MaxConnIdleTime = 3, 0, 5*time.Minute
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, Fault(err, "the PostgreSQL server cannot be reached")
	}
	return pool, nil
}

// Each takes every row that a query gives, until one fails.
func Each(rows pgx.Rows, err error, take func(pgx.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := take(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Names reads a list of names as the server writes it, quoted or not.
func Names(list string) []string {
	var out []string
	var name strings.Builder
	quoted, runes := false, []rune(list)
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; {
		case r == '"' && quoted && i+1 < len(runes) && runes[i+1] == '"':
			name.WriteRune(r)
			i++
		case r == '"':
			quoted = !quoted
		case r == ',' && !quoted:
			out = append(out, name.String())
			name.Reset()
		case r == ' ' && !quoted:
		default:
			name.WriteRune(r)
		}
	}
	return append(out, name.String())
}
