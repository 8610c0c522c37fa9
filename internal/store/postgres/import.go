package postgres

import (
	"context"
	"errors"
	"iter"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/store"
)

// ImportOptions say how a whole store is taken.
type ImportOptions struct {
	// MoveOn sets counters to a distance, for a copy that is older than what it is a copy of.
	MoveOn bool
	// Writer is whose chain pending records go into that are nobody's yet.
	Writer string
	// DryRun does everything and then undoes it.
	DryRun bool
}

// Import takes a whole store into a database that has none in use, in one transaction, and compares what is
// there then with what came. A failure changes nothing.
func Import(ctx context.Context, address string, opt Options, items iter.Seq2[*store.Item, error], how ImportOptions) (*store.Tally, error) {
	conf, err := parse(address, opt.Password)
	if err != nil {
		return nil, err
	}
	// The other side may be slow, and nobody else uses the tables.
	conf.RuntimeParams["statement_timeout"], conf.RuntimeParams["idle_in_transaction_session_timeout"] = "0", "0"
	c, err := connect(ctx, conf)
	if err != nil {
		return nil, translate(ctx, err)
	}
	defer hangUp(c)
	if err := suits(ctx, c); err != nil {
		return nil, translate(ctx, err)
	}
	// As for every other connection: a commit is on the disk when it is confirmed.
	if _, err := c.Exec(ctx, durable); err != nil {
		return nil, translate(ctx, err)
	}
	tx, err := c.Begin(ctx)
	if err != nil {
		return nil, translate(ctx, err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // a no-op after the commit
	tally, err := importInto(ctx, tx, items, how)
	if err != nil || how.DryRun {
		return tally, translate(ctx, err)
	}
	return tally, translate(ctx, tx.Commit(ctx))
}

func importInto(ctx context.Context, tx pgx.Tx, items iter.Seq2[*store.Item, error], how ImportOptions) (*store.Tally, error) {
	if err := upgrade(ctx, tx, steps); err != nil {
		return nil, err
	}
	if err := unused(ctx, tx); err != nil {
		return nil, err
	}
	in := newIntake(items, how.Writer)
	defer in.stop()
	if err := in.copyAll(ctx, tx); err != nil {
		return nil, err
	}
	var there store.Tally
	if err := export(ctx, tx.Conn(), there.Add); err != nil {
		return nil, err
	}
	if there.String() != in.tally.String() {
		return nil, stead.Errorf(stead.Internal, "the store that was copied differs from its copy; nothing was kept").
			WithCause(errors.New(in.tally.String() + " became " + there.String()))
	}
	// Every store has these, also one that was never written to.
	if _, err := tx.Exec(ctx, `INSERT INTO stead.counters (name, value) VALUES ('revision', 0), ('record', 0), ('horizon', 0)
		ON CONFLICT DO NOTHING`); err != nil {
		return nil, err
	}
	if !how.MoveOn {
		return &in.tally, nil
	}
	return &in.tally, moveOn(ctx, tx)
}

// unused refuses a database that a server uses, or has used.
func unused(ctx context.Context, tx pgx.Tx) error {
	var free, empty bool
	if err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1, $2)", locks, runningLock).Scan(&free); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM stead.documents) AND NOT EXISTS (SELECT FROM stead.records)
		AND (SELECT value = 0 FROM stead.counters WHERE name = 'revision')`).Scan(&empty); err != nil {
		return err
	}
	if !free || !empty {
		return stead.Errorf(stead.Conflict, "the database has a store already").WithHint("use an empty database, that no server uses")
	}
	// What a store has from its beginning comes with the copy.
	_, err := tx.Exec(ctx, "DELETE FROM stead.counters; DELETE FROM stead.meta WHERE name LIKE 'mark/%'")
	return err
}

// intake takes items one section after the other.
type intake struct {
	next   func() (*store.Item, error, bool)
	stop   func()
	writer string
	tally  store.Tally
	item   *store.Item // the one that was looked at and not taken yet
	err    error
}

func newIntake(items iter.Seq2[*store.Item, error], writer string) *intake {
	in := &intake{writer: writer}
	in.next, in.stop = iter.Pull2(items)
	return in
}

// look returns the next item, nil at the end or at an error.
func (in *intake) look() *store.Item {
	if in.item != nil || in.err != nil {
		return in.item
	}
	item, err, ok := in.next()
	if !ok {
		return nil
	}
	if err == nil && item.Record != nil && item.Record.Writer == "" {
		item.Record.Writer = in.writer
	}
	if err == nil {
		err = in.tally.Add(item)
	}
	if in.err = err; err == nil {
		in.item = item
	}
	return in.item
}

// section copies the items that values takes; it returns nil for others.
func (in *intake) section(ctx context.Context, tx pgx.Tx, table string, columns []string, values func(*store.Item) []any) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"stead", table}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		item := in.look()
		if item == nil {
			return nil, in.err
		}
		row := values(item)
		if row != nil {
			in.item = nil
		}
		return row, nil
	}))
	return errors.Join(in.err, err)
}

func (in *intake) copyAll(ctx context.Context, tx pgx.Tx) error {
	for _, part := range []struct {
		table   string
		columns []string
		values  func(*store.Item) []any
	}{
		{"counters", []string{"name", "value"}, func(i *store.Item) []any {
			if i.Counter == nil {
				return nil
			}
			return []any{i.Counter.Name, i.Counter.Value}
		}},
		{"meta", []string{"name", "value"}, func(i *store.Item) []any {
			if i.Mark == nil {
				return nil
			}
			return []any{markPrefix + i.Mark.Name, i.Mark.Value}
		}},
		{"documents", []string{"noun", "id", "key", "created", "revision", "doc"}, func(i *store.Item) []any {
			if i.Row == nil {
				return nil
			}
			return []any{string(i.Row.Noun), i.Row.ID, i.Row.Key, int64(i.Row.Created), int64(i.Row.Revision), string(i.Row.Doc)}
		}},
		{"changes", []string{"revision", "ordinal", "op", "noun", "id", "key", "created", "doc"}, func(i *store.Item) []any {
			if i.Change == nil {
				return nil
			}
			c := i.Change
			return []any{int64(c.Revision), c.Ordinal, string(c.Op), string(c.Row.Noun), c.Row.ID, c.Row.Key, int64(c.Row.Created), string(c.Row.Doc)}
		}},
		{"records", []string{"seq", "writer", "doc"}, func(i *store.Item) []any {
			if i.Record == nil {
				return nil
			}
			writer := &i.Record.Writer
			if *writer == "" {
				writer = nil
			}
			return []any{i.Record.Seq, writer, string(i.Record.Doc)}
		}},
	} {
		if err := in.section(ctx, tx, part.table, part.columns, part.values); err != nil {
			return err
		}
	}
	if in.look() != nil || in.err != nil {
		return errors.Join(in.err, notWhole(errors.New("items are left over")))
	}
	return nil
}
