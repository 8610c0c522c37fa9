package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/store"
)

// step brings a store from one format to the next. A step that was released is never edited.
//
// A step that does not break only adds: tables, columns with a default, indexes. Servers of the format before
// run on over it, and may be started again, so that servers are replaced one by one. A step that breaks runs
// only while no server uses the store, and servers of older formats refuse the store from then on.
type step struct {
	sql    string
	breaks bool
}

// Text that is compared or ordered is so by its bytes, as in every other store.
var steps = []step{{breaks: true, sql: `
CREATE TABLE stead.counters (name TEXT COLLATE "C" NOT NULL PRIMARY KEY, value BIGINT NOT NULL);
CREATE TABLE stead.documents (
	noun TEXT COLLATE "C" NOT NULL, id BIGINT NOT NULL, key TEXT COLLATE "C" NOT NULL,
	created BIGINT NOT NULL, revision BIGINT NOT NULL, doc TEXT NOT NULL,
	PRIMARY KEY (noun, id), UNIQUE (noun, key));
CREATE TABLE stead.changes (
	revision BIGINT NOT NULL, ordinal BIGINT NOT NULL, op TEXT NOT NULL,
	noun TEXT COLLATE "C" NOT NULL, id BIGINT NOT NULL, key TEXT COLLATE "C" NOT NULL, created BIGINT NOT NULL, doc TEXT NOT NULL,
	PRIMARY KEY (revision, ordinal));
CREATE TABLE stead.records (seq BIGINT NOT NULL PRIMARY KEY, writer TEXT COLLATE "C", doc TEXT NOT NULL);
INSERT INTO stead.counters (name, value) VALUES ('revision', 0), ('record', 0), ('horizon', 0);
`}}

// Advisory locks of the store, all of this class. A server's name has a lock of the class nameLocks.
const (
	locks       = 0x73746561
	nameLocks   = 0x73746562
	upgradeLock = 1
	// runningLock is held, shared, by every server that runs.
	runningLock = 2
)

// prepare makes or upgrades the tables, in one transaction, one server at a time, or leaves them as they were.
func prepare(ctx context.Context, conf *pgx.ConnConfig, steps []step) error {
	c, err := connect(ctx, conf)
	if err != nil {
		return translate(ctx, err)
	}
	defer hangUp(c)
	asked := ctx
	ctx, cancel := context.WithTimeout(ctx, upgradeTime)
	defer cancel()
	if err := suits(ctx, c); err != nil {
		return translate(asked, err)
	}
	tx, err := c.Begin(ctx)
	if err != nil {
		return translate(asked, err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // a no-op after the commit; the connection ends anyway
	if err := upgrade(ctx, tx, steps); err != nil {
		return translate(asked, err)
	}
	return translate(asked, tx.Commit(ctx))
}

func connect(ctx context.Context, conf *pgx.ConnConfig) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	return pgx.ConnectConfig(ctx, conf.Copy())
}

// hangUp ends a connection; what fails then is of no consequence.
func hangUp(c *pgx.Conn) {
	_ = bounded(context.Background(), time.Second, c.Close)
}

// suits refuses servers that cannot be a store.
func suits(ctx context.Context, c *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, usual.ask)
	defer cancel()
	var version int
	var encoding string
	var standby bool
	if err := c.QueryRow(ctx, "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), pg_is_in_recovery()").
		Scan(&version, &encoding, &standby); err != nil {
		return err
	}
	switch {
	case version < 150000:
		return stead.Errorf(stead.Unsupported, "the store's database is PostgreSQL %d", version/10000).WithHint("use PostgreSQL 15 or newer")
	case encoding != "UTF8":
		return stead.Errorf(stead.Unsupported, "the store's database is encoded in %s", encoding).WithHint("create a database with ENCODING 'UTF8'")
	case standby:
		return unavailable("the store's database is a standby", "name the primary server in the address of the store")
	}
	return nil
}

func upgrade(ctx context.Context, tx pgx.Tx, steps []step) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, $2)", locks, upgradeLock); err != nil {
		return err
	}
	format, oldest, err := formatOf(ctx, tx)
	if err != nil {
		return err
	}
	if oldest > len(steps) {
		return stead.Errorf(stead.Unsupported, "the store has format %d, this version knows up to %d", format, len(steps)).
			WithHint("use the newer version of stead, or restore a backup made before the upgrade into an empty database")
	}
	for i := format; i < len(steps); i++ {
		if err := steps[i].run(ctx, tx, i); err != nil {
			return err
		}
		if steps[i].breaks {
			oldest = i + 1
		}
	}
	if format >= len(steps) {
		return nil
	}
	if format == 0 { // new: there is nothing yet that could have been lost
		if _, err := tx.Exec(ctx, "INSERT INTO stead.meta (name, value) VALUES ('cluster', "+clusterNow+")"); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO stead.meta (name, value) VALUES ('format', $1), ('oldest', $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, strconv.Itoa(len(steps)), strconv.Itoa(oldest))
	return err
}

func (s step) run(ctx context.Context, tx pgx.Tx, from int) error {
	if s.breaks && from > 0 {
		var free bool
		if err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1, $2)", locks, runningLock).Scan(&free); err != nil {
			return err
		}
		if !free {
			return stead.Errorf(stead.Conflict, "servers of the version before use the store, and cannot go on over its new format").
				WithHint("stop all of them, then start this version")
		}
	}
	if _, err := tx.Exec(ctx, s.sql); err != nil {
		return fmt.Errorf("upgrade to format %d: %w", from+1, err)
	}
	return nil
}

// formatOf reads the format, and the oldest that may be used over it; a database without the schema has 0.
func formatOf(ctx context.Context, tx pgx.Tx) (format, oldest int, err error) {
	var exists, ours bool
	if err := tx.QueryRow(ctx, `SELECT count(*) > 0, coalesce(bool_and(pg_has_role(nspowner, 'USAGE')), true)
		FROM pg_namespace WHERE nspname = 'stead'`).Scan(&exists, &ours); err != nil {
		return 0, 0, err
	}
	if !ours { // others could have laid something in it
		return 0, 0, stead.Errorf(stead.Conflict, "the schema stead of the store's database belongs to another role").
			WithHint("ALTER SCHEMA stead OWNER TO the role of stead, or use another database")
	}
	if !exists {
		if _, err := tx.Exec(ctx, "CREATE SCHEMA stead"); err != nil {
			return 0, 0, err
		}
	}
	if _, err := tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS stead.meta (name TEXT COLLATE \"C\" NOT NULL PRIMARY KEY, value TEXT NOT NULL)"); err != nil {
		return 0, 0, err
	}
	if format, err = number(ctx, tx, "format"); err != nil {
		return 0, 0, err
	}
	oldest, err = number(ctx, tx, "oldest")
	return format, oldest, err
}

func number(ctx context.Context, tx pgx.Tx, name string) (int, error) {
	var text string
	err := tx.QueryRow(ctx, "SELECT value FROM stead.meta WHERE name = $1", name).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, stead.Errorf(stead.Unsupported, "the store's %s %q is unknown", name, text).
			WithHint("restore a backup into an empty database")
	}
	return n, nil
}

// clusterNow names the history that the database goes on with: the cluster, its time line, and the database in it. A standby
// that became the primary, or a database that was restored, has another one.
const clusterNow = `(SELECT system_identifier FROM pg_control_system())::text
	|| '/' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)
	|| '/' || (SELECT oid FROM pg_database WHERE datname = current_database())::text`

// durable makes commits wait for the disk, unless they wait for more already.
const durable = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"

// ready makes a new connection fit for use, or refuses it. Commits are on the disk when they are confirmed. If the history
// is another than the store's, commits that somebody saw may be missing: numbers go on at a distance then,
// and every consumer of the change log begins anew.
func ready(ctx context.Context, c *pgx.Conn) error {
	if err := suits(ctx, c); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, durable); err != nil {
		return err
	}
	if same, err := sameHistory(ctx, c); err != nil || same {
		return err
	}
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // a no-op after the commit
	if _, err := tx.Exec(ctx, "SELECT FROM stead.counters WHERE name = $1 FOR UPDATE", store.RevisionCounter); err != nil {
		return err
	}
	if same, err := sameHistory(ctx, tx); err != nil || same { // another was faster
		return err
	}
	if err := moveOn(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE stead.meta SET value = "+clusterNow+" WHERE name = 'cluster'"); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// querier is a connection or a transaction.
type querier interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

func sameHistory(ctx context.Context, q querier) (same bool, err error) {
	err = q.QueryRow(ctx, "SELECT value = "+clusterNow+" FROM stead.meta WHERE name = 'cluster'").Scan(&same)
	return same, err
}

// moveOn sets every counter to a distance from what was given out, and forgets the change log.
func moveOn(ctx context.Context, tx pgx.Tx) error {
	for _, sql := range []string{
		"UPDATE stead.counters SET value = value + " + strconv.Itoa(store.Skipped) + " WHERE name <> 'horizon'",
		"UPDATE stead.counters SET value = (SELECT value FROM stead.counters WHERE name = 'revision') WHERE name = 'horizon'",
		"DELETE FROM stead.changes",
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
