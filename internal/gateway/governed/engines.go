package governed

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"reflect"
	"strings"
	"sync"

	"stead"
	"stead/internal/gateway/duck"
)

// Engines keeps one engine for each connection, opened when it is first asked, and makes each
// data source known to its engine as the world declares it.
type Engines struct {
	cfg duck.Config // of every engine; the address is the connection's

	mu     sync.Mutex
	served map[string]*served // by the connection's key
	closed bool
}

type served struct {
	engine *duck.Engine
	of     stead.Connection

	mu   sync.Mutex
	defs map[stead.SourceID]*stead.DataSource
}

// NewEngines opens nothing yet. base has the limits that every engine gets.
func NewEngines(base duck.Config) *Engines {
	return &Engines{cfg: base, served: map[string]*served{}}
}

// engine returns the engine of a connection. A connection whose address changed, or whose engine
// broke, gets a new one.
func (e *Engines) engine(ctx context.Context, c *stead.Connection) (*served, error) {
	if c.Platform != stead.Embedded {
		return nil, stead.Errorf(stead.Unsupported, "connection %q is not served here", c.Key).
			WithHint("The gateway serves connections of the platform %q.", stead.Embedded)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, stead.Errorf(stead.Unavailable, "the server is shutting down")
	}
	s := e.served[c.Key]
	if s != nil && s.of.Address == c.Address && maps.Equal(s.of.Settings, c.Settings) {
		return s, nil
	}
	cfg := e.cfg
	cfg.Address = c.Address
	engine, err := duck.Open(ctx, cfg)
	if err != nil {
		return nil, stead.Errorf(stead.Unavailable, "the data of connection %q cannot be reached", c.Key).
			WithHint("Ask the operator; the server's log has the cause.").WithCause(err)
	}
	if s != nil {
		err = s.engine.Close()
	}
	s = &served{engine: engine, of: *c, defs: map[stead.SourceID]*stead.DataSource{}}
	e.served[c.Key] = s
	return s, err
}

// ready makes the source readable as it is declared and gives the version of its data, or says why it is
// not readable. Its data is looked at again when it changed.
func (s *served) ready(ctx context.Context, def *stead.DataSource) (version string, err error) {
	s.mu.Lock()
	if old := s.defs[def.ID]; old != def {
		if old == nil || !reflect.DeepEqual(old, def) {
			if err := s.engine.Define(ctx, def); err != nil {
				delete(s.defs, def.ID)
				s.mu.Unlock()
				return "", err
			}
		}
		s.defs[def.ID] = def
	}
	s.mu.Unlock()
	return s.engine.Check(ctx, def.ID)
}

// broke forgets an engine that has invalidated itself, so that the next statement opens another.
func (e *Engines) broke(s *served, err error) {
	var de *duck.Error
	if !errors.As(err, &de) || !de.Broken() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.served[s.of.Key] == s {
		delete(e.served, s.of.Key)
		_ = s.engine.Close() // it is broken: there is nothing more to learn from it
	}
}

// scanned reports whether the throw scan covers how the source is stored.
func scanned(address string, def *stead.DataSource) bool {
	switch strings.ToLower(filepath.Ext(address)) {
	case ".duckdb", ".db", ".ddb":
		return true
	}
	return strings.HasSuffix(strings.ToLower(def.Location), ".parquet")
}

// Close ends every engine.
func (e *Engines) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	var err error
	for _, s := range e.served {
		err = errors.Join(err, s.engine.Close())
	}
	clear(e.served)
	return err
}
