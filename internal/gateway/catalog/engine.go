package catalog

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"

	"stead"
	"stead/internal/gateway/duck"
)

// Parser turns statements into DuckDB's tree and back; duck.Parser is one.
type Parser interface {
	Serialize(ctx context.Context, sql string) ([]byte, error)
	Deserialize(ctx context.Context, tree []byte) (string, error)
}

// Config bounds the engine. The zero Config is usable.
type Config struct {
	Snapshots int   // visible sets kept; 0 is 64
	Memory    int64 // bytes; 0 is 512 MiB
	Conns     int   // connections at once; 0 is 256
	// Version is PostgreSQL's version that version() and server_version say; "" is 15.13.
	Version string
}

// Engine holds the catalogues of the visible sets in use. It may be used by many goroutines.
type Engine struct {
	cfg    Config
	duck   *duck.Engine
	parser Parser
	views  []string
	// relations by PostgreSQL's name, with the schema that holds them: "" is the set's own.
	relations map[string]relation

	mu    sync.Mutex // guards what follows, and the making of snapshots
	admin *duck.Conn
	byKey map[string]*list.Element // of *Schema
	used  *list.List               // most recently used first
	next  int
}

type relation struct {
	schema string // "base", or "" for the set's own
	table  string
}

// Open starts the engine; the parser stays the caller's.
func Open(ctx context.Context, cfg Config, parser Parser) (*Engine, error) {
	if cfg.Snapshots <= 0 {
		cfg.Snapshots = 64
	}
	if cfg.Memory <= 0 {
		cfg.Memory = 512 << 20
	}
	if cfg.Conns <= 0 {
		cfg.Conns = 256
	}
	if cfg.Version == "" {
		cfg.Version = "15.13"
	}
	shapes, err := parseShapes(shapesText)
	if err != nil {
		return nil, err
	}
	byName := map[string]*shape{}
	relations := map[string]relation{}
	for _, s := range shapes {
		byName[s.schema+"."+s.name] = s
		relations[s.schema+"."+s.name] = relation{"base", s.table()}
	}
	views, err := parseViews(viewsText, byName)
	if err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, parser: parser, relations: relations, byKey: map[string]*list.Element{}, used: list.New()}
	computed := map[string]bool{}
	for _, v := range views {
		name := v.shape.schema + "." + v.shape.name
		computed[name] = true
		relations[name] = relation{"", v.shape.table()}
		e.views = append(e.views, v.sql())
	}
	// One connection more than asked for: the engine's own.
	if e.duck, err = duck.Open(ctx, duck.Config{Memory: cfg.Memory, Threads: 1, Conns: cfg.Conns + 1, PreserveOrder: true}); err != nil {
		return nil, err
	}
	if e.admin, err = e.duck.Conn(ctx); err == nil {
		var script []string
		if script, err = foundation(shapes, computed, cfg.Version); err == nil {
			err = e.run(ctx, steps(script))
		}
	}
	if err != nil {
		return nil, errors.Join(stead.Errorf(stead.Unavailable, "the catalogue cannot be made").WithCause(err), e.Close())
	}
	return e, nil
}

// run executes a script of our own as one transaction.
func (e *Engine) run(ctx context.Context, script []step) error {
	if _, err := e.admin.Exec(ctx, "BEGIN"); err != nil {
		return err
	}
	for _, s := range script {
		if _, err := e.admin.Exec(ctx, s.sql, s.args...); err != nil {
			_, rollback := e.admin.Exec(context.WithoutCancel(ctx), "ROLLBACK")
			return errors.Join(fmt.Errorf("%.200s: %w", s.sql, err), rollback)
		}
	}
	_, err := e.admin.Exec(ctx, "COMMIT")
	return err
}

// Close ends the engine.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var err error
	if e.admin != nil {
		err = e.admin.Close()
	}
	return errors.Join(err, e.duck.Close())
}

// Conn opens a connection for statements that a Schema has rewritten; the caller closes it.
func (e *Engine) Conn(ctx context.Context) (*duck.Conn, error) { return e.duck.Conn(ctx) }

// Schema is the catalogue of one visible set. It stays until it is released by everybody
// who got it from Snapshot and room is needed.
type Schema struct {
	engine *Engine
	key    string
	name   string
	// database is what a name of three parts may begin with.
	database string
	users    int // guarded by engine.mu
}

// Snapshot returns the catalogue of the set, made now or kept from before; the caller
// releases it when the statement is over.
func (e *Engine) Snapshot(ctx context.Context, set Set) (*Schema, error) {
	key := set.key()
	e.mu.Lock()
	defer e.mu.Unlock()
	if el := e.byKey[key]; el != nil {
		e.used.MoveToFront(el)
		s := el.Value.(*Schema)
		s.users++
		return s, nil
	}
	e.next++
	s := &Schema{engine: e, key: key, name: fmt.Sprintf("s%d", e.next), database: set.Database, users: 1}
	if err := e.run(ctx, set.snapshot(s.name, e.views)); err != nil {
		return nil, stead.Errorf(stead.Unavailable, "the catalogue cannot be made").WithCause(err)
	}
	e.byKey[key] = e.used.PushFront(s)
	e.evict(ctx)
	return s, nil
}

// evict drops the longest unused schemas over the bound. One that cannot be dropped now is
// tried again next time.
func (e *Engine) evict(ctx context.Context) {
	for el := e.used.Back(); el != nil && e.used.Len() > e.cfg.Snapshots; {
		s, before := el.Value.(*Schema), el.Prev()
		if s.users == 0 && e.run(ctx, steps([]string{"DROP SCHEMA memory." + s.name + " CASCADE"})) == nil {
			e.used.Remove(el)
			delete(e.byKey, s.key)
		}
		el = before
	}
}

// Release says that the caller is done with the schema.
func (s *Schema) Release() {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.users--
}

// Key is equal for equal visible sets: caches of prepared statements are keyed by it.
func (s *Schema) Key() string { return s.key }
