package duck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"stead"
	dialect "stead/dialect/duckdb"
)

// source is a data source as the engine serves it.
type source struct {
	def     *stead.DataSource
	mark    string // of the data when the view was made
	version string
	err     error // why it is not served
}

// Define serves a data source, or serves it anew after it or its data has changed: it
// looks at the data, compares it with the declared columns and makes the view
// Relation(path). When that fails the source is not served, and the error, which Check
// repeats, says why in words for its owner: code Conflict where the data's columns are
// not the declared ones any more, Unavailable where it cannot be read, Invalid where the
// definition is wrong. Other sources are not touched.
func (e *Engine) Define(ctx context.Context, def *stead.DataSource) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.define(ctx, def)
}

func (e *Engine) define(ctx context.Context, def *stead.DataSource) error {
	if e.closed {
		return stead.Errorf(stead.Unavailable, "the engine is closed")
	}
	if err := e.usablePath(def); err != nil {
		return err
	}
	old := e.sources[def.ID]
	if old != nil && !samePath(old.def.Path, def.Path) {
		if err := e.dropView(ctx, old.def.Path); err != nil {
			return err
		}
	}
	s := &source{def: def}
	e.sources[def.ID] = s
	body, mark, err := e.view(ctx, def)
	if err == nil {
		err = e.makeView(ctx, def.Path, body)
	}
	s.mark, s.err = mark, err
	if err != nil {
		return errors.Join(err, e.dropView(ctx, def.Path))
	}
	s.version = fmt.Sprintf("%d/%s", def.ID, mark)
	return nil
}

// usablePath refuses paths that DuckDB could not keep apart from another source's.
func (e *Engine) usablePath(def *stead.DataSource) error {
	if len(def.Path) != 2 || def.Path[0] == "" || def.Path[1] == "" || strings.ContainsRune(def.Path[0]+def.Path[1], 0) {
		return stead.Errorf(stead.Invalid, "%s: a table of an embedded connection has a path of schema and table", def.Object())
	}
	switch strings.ToLower(def.Path[0]) {
	case "information_schema", "pg_catalog":
		return stead.Errorf(stead.Invalid, "%s: the schema's name is reserved", def.Object())
	}
	for id, s := range e.sources {
		if id != def.ID && slices.Equal(s.def.Path, def.Path) {
			delete(e.sources, id) // paths are unique, so the other was deleted and the table registered anew
			continue
		}
		if id != def.ID && samePath(s.def.Path, def.Path) {
			return stead.Errorf(stead.Conflict, "%s: there is a table whose name differs only in letter case", def.Object())
		}
	}
	return nil
}

// samePath compares as DuckDB does.
func samePath(a, b []string) bool {
	return len(a) == len(b) && strings.EqualFold(strings.Join(a, "\x00"), strings.Join(b, "\x00"))
}

// Drop ends serving a data source. Dropping one that is not served is no error.
func (e *Engine) Drop(ctx context.Context, id stead.SourceID) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.sources[id]
	if s == nil || e.closed {
		return nil
	}
	delete(e.sources, id)
	return e.dropView(ctx, s.def.Path)
}

// Check says whether the source can be read now and gives the version of its data, for
// caches: equal versions mean equal data. It is called before every statement that
// reads the source; when files have changed it looks again at their columns.
func (e *Engine) Check(ctx context.Context, id stead.SourceID) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.sources[id]
	if s == nil || e.closed {
		return "", stead.Errorf(stead.Unavailable, "the table is not served")
	}
	mark, err := e.mark(s.def)
	if err != nil || mark != s.mark {
		if err := e.define(ctx, s.def); err != nil {
			return "", err
		}
		s = e.sources[id]
	}
	return s.version, s.err
}

// mark is a cheap fingerprint of the data behind a source.
func (e *Engine) mark(def *stead.DataSource) (string, error) {
	if !e.isFile {
		set, err := listFiles(e.root, def.Location)
		if err != nil {
			return "", err
		}
		return set.mark, nil
	}
	info, err := os.Stat(e.root)
	if err != nil {
		return "", stead.Errorf(stead.Unavailable, "the database file is gone").WithCause(err)
	}
	return fmt.Sprintf("%x.%x", info.Size(), info.ModTime().UnixNano()), nil
}

// view looks at the data and returns the SELECT of the source's view.
func (e *Engine) view(ctx context.Context, def *stead.DataSource) (body, mark string, err error) {
	if e.root == "" {
		return "", "", stead.Errorf(stead.Invalid, "the connection has no data")
	}
	if mark, err = e.mark(def); err != nil {
		return "", "", err
	}
	table, err := e.inspect(ctx, def)
	if err != nil {
		return "", mark, err
	}
	if err := compare(def, table); err != nil {
		return "", mark, err
	}
	body, err = selectFrom(def, table)
	return body, mark, err
}

// selectFrom prints the declared columns over the data, each cast to its type.
func selectFrom(def *stead.DataSource, t *table) (string, error) {
	cols := make([]string, len(def.Columns))
	for i, c := range def.Columns {
		typ, err := dialect.TypeName(c.Type)
		if err != nil {
			return "", err
		}
		q := dialect.Quote(c.Name)
		cols[i] = fmt.Sprintf("CAST(t.%s AS %s) AS %s", q, typ, q)
	}
	from, err := t.relation(def)
	if err != nil {
		return "", err
	}
	return "SELECT " + strings.Join(cols, ", ") + " FROM " + from + " AS t", nil
}

func (e *Engine) makeView(ctx context.Context, path []string, body string) error {
	schema := Catalog + "." + dialect.Quote(path[0])
	if key := strings.ToLower(path[0]); !e.schemas[key] {
		if err := e.admin.run(ctx, "CREATE SCHEMA IF NOT EXISTS "+schema, ourKinds); err != nil {
			return unreadable(err)
		}
		e.schemas[key] = true
	}
	if err := e.admin.run(ctx, "CREATE OR REPLACE VIEW "+Relation(path)+" AS "+body, ourKinds); err != nil {
		return unreadable(err)
	}
	return nil
}

func (e *Engine) dropView(ctx context.Context, path []string) error {
	if !e.schemas[strings.ToLower(path[0])] {
		return nil
	}
	return e.admin.run(ctx, "DROP VIEW IF EXISTS "+Relation(path), ourKinds)
}

func unreadable(err error) error {
	return stead.Errorf(stead.Unavailable, "the data cannot be read as the columns that were declared").
		WithHint("look at the files, or register the table again").WithCause(err)
}
