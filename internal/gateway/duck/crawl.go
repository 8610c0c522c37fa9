package duck

import (
	"context"
	"errors"
	"fmt"

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
