package duck

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"stead"
	dialect "stead/dialect/duckdb"
)

// Discovered is a table that could be registered.
type Discovered struct {
	Path     []string // schema, table
	Location string   // for stead.DataSource
	Kind     string   // "parquet", "csv", "json", "table", "view"
	Columns  []stead.Column
	Natives  []string // DuckDB's spelling of the columns' types
	// Problem says why it cannot be registered as it is; Columns are then missing.
	Problem error
}

// Crawl opens an address only to see what is there.
func Crawl(ctx context.Context, cfg Config) ([]Discovered, error) {
	e, err := Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	found, err := e.Crawl(ctx)
	return found, errors.Join(err, e.Close())
}

// Crawl finds the tables of the engine's address: of a folder, each file and each
// folder of files below the first level, with the first level's folders as schemas; of
// a database file, its tables and views. One that cannot be read carries its Problem.
func (e *Engine) Crawl(ctx context.Context) ([]Discovered, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed || e.root == "":
		return nil, stead.Errorf(stead.Invalid, "the connection has no data")
	case e.isFile:
		return e.crawlFile(ctx)
	default:
		return e.crawlFolder(ctx)
	}
}

// Describe looks at what is behind a source's location now, without serving it: its
// columns, and as the error how they differ from the declared ones.
func (e *Engine) Describe(ctx context.Context, def *stead.DataSource) (Discovered, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := Discovered{Path: def.Path, Location: def.Location}
	if e.closed || e.root == "" {
		return d, stead.Errorf(stead.Invalid, "the connection has no data")
	}
	t, err := e.inspect(ctx, def)
	if err != nil {
		return d, err
	}
	d.fill(t)
	if len(def.Columns) == 0 {
		return d, nil
	}
	return d, compare(def, t)
}

func (d *Discovered) fill(t *table) {
	d.Kind = "table"
	if t.files != nil {
		d.Kind = string(t.files.format)
	}
	for _, c := range t.columns {
		native := c.Type.String()
		d.Columns = append(d.Columns, stead.Column{Name: c.Name, Type: dialect.ParseType(native), Nullable: true})
		d.Natives = append(d.Natives, native)
	}
}

func (e *Engine) crawlFolder(ctx context.Context) ([]Discovered, error) {
	top, err := os.ReadDir(e.root)
	if err != nil {
		return nil, stead.Errorf(stead.Unavailable, "the connection's folder cannot be read").WithCause(err)
	}
	var found []Discovered
	for _, entry := range top {
		name := entry.Name()
		switch {
		case hidden(name):
		case !e.isDir(name):
			found = e.add(ctx, found, "main", stem(name), name)
		case e.partitioned(name):
			found = e.add(ctx, found, "main", name, name)
		default:
			found = e.crawlSchema(ctx, found, name)
		}
	}
	return found, nil
}

func (e *Engine) crawlSchema(ctx context.Context, found []Discovered, schema string) []Discovered {
	entries, err := fs.ReadDir(os.DirFS(e.root), schema)
	if err != nil {
		return append(found, Discovered{Path: []string{schema, ""}, Location: schema, Problem: gone(schema).WithCause(err)})
	}
	for _, entry := range entries {
		name := entry.Name()
		switch location := path.Join(schema, name); {
		case hidden(name):
		case e.isDir(location):
			found = e.add(ctx, found, schema, name, location)
		default:
			found = e.add(ctx, found, schema, stem(name), location)
		}
	}
	return found
}

// isDir follows symbolic links; listFiles refuses those that lead out.
func (e *Engine) isDir(location string) bool {
	info, err := fs.Stat(os.DirFS(e.root), location)
	return err == nil && info.IsDir()
}

// partitioned reports a folder whose folders are named k=v.
func (e *Engine) partitioned(location string) bool {
	entries, err := fs.ReadDir(os.DirFS(e.root), location)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if entry.IsDir() && strings.Contains(entry.Name(), "=") {
			return true
		}
	}
	return false
}

// add describes one location; a file that is no data is left out.
func (e *Engine) add(ctx context.Context, found []Discovered, schema, name, location string) []Discovered {
	if !e.isDir(location) && formatOf(location) == "" {
		return found
	}
	d := Discovered{Path: []string{schema, name}, Location: location}
	for _, other := range found {
		if samePath(other.Path, d.Path) {
			d.Problem = stead.Errorf(stead.Conflict, "%s and %s would be the same table", other.Location, location)
			return append(found, d)
		}
	}
	set, err := listFiles(e.root, location)
	if err == nil {
		var t *table
		if t, err = e.inspectFiles(ctx, set); err == nil {
			d.fill(t)
		}
	}
	d.Problem = err
	return append(found, d)
}

func (e *Engine) crawlFile(ctx context.Context) ([]Discovered, error) {
	rows, err := e.admin.Query(ctx, `SELECT schema_name, table_name, 'table' FROM system.main.duckdb_tables() WHERE database_name = '`+fileCatalog+`' AND NOT internal
		UNION ALL SELECT schema_name, view_name, 'view' FROM system.main.duckdb_views() WHERE database_name = '`+fileCatalog+`' AND NOT internal ORDER BY ALL`)
	if err != nil {
		return nil, unreadable(err)
	}
	var found []Discovered
	for {
		n, err := rows.Next()
		if err != nil {
			return nil, errors.Join(unreadable(err), rows.Close())
		}
		if n == 0 {
			break
		}
		for i := range n {
			d := Discovered{Path: []string{rows.Column(0).Text(i), rows.Column(1).Text(i)}, Kind: rows.Column(2).Text(i)}
			d.Location = dialect.Quote(d.Path[0]) + "." + dialect.Quote(d.Path[1])
			found = append(found, d)
		}
	}
	if err := rows.Close(); err != nil {
		return nil, err
	}
	for i := range found {
		e.describeTable(ctx, &found[i])
	}
	return found, nil
}

func (e *Engine) describeTable(ctx context.Context, d *Discovered) {
	kind := d.Kind
	t, err := e.inspectTable(ctx, &stead.DataSource{Path: d.Path, Location: d.Location})
	if err != nil {
		d.Problem = fmt.Errorf("%s: %w", d.Location, err)
		return
	}
	d.fill(t)
	d.Kind = kind
}
