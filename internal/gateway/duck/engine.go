package duck

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"stead"
	dialect "stead/dialect/duckdb"
)

// The catalogs and the schema an engine has. No data source can be reached
// without naming Catalog: a session's search path is a schema with nothing in it.
const (
	Catalog     = "wh"     // one view per data source: wh.schema.table
	fileCatalog = "wh_db"  // the database file, read only, behind the views
	homeCatalog = "memory" // DuckDB's own name for what it opens first
	emptySchema = "nowhere"
)

// Config says what an engine is over and what it may use. The zero Config is a bare
// engine in memory, with DuckDB's own limits.
type Config struct {
	// Address is a folder of Parquet, CSV and JSON files or a DuckDB database file;
	// "" opens an engine without data, e.g. for catalogue tables.
	Address string
	Memory  int64 // bytes; 0 is DuckDB's default
	Threads int   // 0 is DuckDB's default
	// TempDir is where spilled data goes; "" forbids spilling.
	TempDir string
	TempMax int64 // bytes; 0 is DuckDB's default
	// Conns is the most connections open at once; 0 is 64.
	Conns int
	// PreserveOrder keeps the order of files' rows where a statement asks for none; it costs memory.
	PreserveOrder bool
}

// Engine is one DuckDB instance. It may be used by many goroutines.
type Engine struct {
	cfg    Config
	root   string // absolute, without symbolic links; "" for a bare engine
	isFile bool   // root is a database file
	temp   string // our own folder under cfg.TempDir, removed by Close
	lib    *library
	admin  *Conn
	slots  chan struct{}

	mu      sync.Mutex // guards the following, and every change of a view
	sources map[stead.SourceID]*source
	schemas map[string]bool
	closed  bool
}

// Open starts an engine and locks its configuration. What is wrong with the address
// comes back as an Error with code Invalid or Unavailable.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	if cfg.Conns <= 0 {
		cfg.Conns = 64
	}
	e := &Engine{cfg: cfg, slots: make(chan struct{}, cfg.Conns), sources: map[stead.SourceID]*source{}, schemas: map[string]bool{"main": true}}
	if err := e.locate(); err != nil {
		return nil, err
	}
	if cfg.TempDir != "" {
		dir, err := os.MkdirTemp(cfg.TempDir, "duck-")
		if err != nil {
			return nil, stead.Errorf(stead.Unavailable, "the folder for temporary data cannot be used").WithCause(err)
		}
		e.temp = dir
	}
	var err error
	if e.lib, err = openLibrary(":memory:"); err != nil {
		return nil, errors.Join(asUnavailable(err), e.removeTemp())
	}
	if err := e.configure(ctx); err != nil {
		return nil, errors.Join(asUnavailable(err), e.Close())
	}
	return e, nil
}

func asUnavailable(err error) error {
	var s *stead.Error
	if errors.As(err, &s) {
		return err
	}
	return stead.Errorf(stead.Unavailable, "the embedded engine cannot be opened").WithCause(err)
}

// locate finds out what the address is.
func (e *Engine) locate() error {
	if e.cfg.Address == "" {
		return nil
	}
	bad := stead.Errorf(stead.Invalid, "the address %q is neither a folder nor a DuckDB database file that can be read", e.cfg.Address)
	abs, err := filepath.Abs(e.cfg.Address)
	if err != nil {
		return bad.WithCause(err)
	}
	root, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return bad.WithCause(err)
	}
	info, err := os.Stat(root)
	if err != nil {
		return bad.WithCause(err)
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return bad
	}
	e.root, e.isFile = root, !info.IsDir()
	return nil
}

// Conn opens a connection; the caller closes it. When as many are open as the
// configuration allows, the error has code Limit. Connections are never reused, so
// nothing of one session can be met in another.
func (e *Engine) Conn(ctx context.Context) (*Conn, error) {
	select {
	case e.slots <- struct{}{}:
	default:
		return nil, stead.Errorf(stead.Limit, "the engine has no free connection").WithHint("close cursors or other connections, or try again later")
	}
	release := func() { <-e.slots }
	e.mu.Lock()
	closed := e.closed
	e.mu.Unlock()
	if closed {
		release()
		return nil, stead.Errorf(stead.Unavailable, "the engine is closed")
	}
	k, err := e.lib.connect()
	if err != nil {
		release()
		return nil, err
	}
	c := &Conn{engine: e, link: k, release: release}
	if err := c.run(ctx, "USE "+homeCatalog+"."+emptySchema, anyKind); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Healthy returns an error when DuckDB has invalidated itself; the engine must then
// be closed and opened again.
func (e *Engine) Healthy(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return stead.Errorf(stead.Unavailable, "the engine is closed")
	}
	return e.admin.run(ctx, "SELECT 1", anyKind)
}

// Close ends the engine. Connections that are still open keep it alive inside DuckDB
// until they are closed.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	var err error
	if e.admin != nil {
		err = e.admin.Close()
	}
	e.lib.close()
	return errors.Join(err, e.removeTemp())
}

func (e *Engine) removeTemp() error {
	if e.temp == "" {
		return nil
	}
	return os.RemoveAll(e.temp)
}

// Version is DuckDB's own version.
func Version() string { return engineVersion() }

// Relation is how SQL names the view of a data source's path.
func Relation(path []string) string {
	s := Catalog
	for _, p := range path {
		s += "." + dialect.Quote(p)
	}
	return s
}
