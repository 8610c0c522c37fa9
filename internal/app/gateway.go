package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"stead"
	"stead/internal/gateway"
	"stead/internal/gateway/catalog"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/governed"
	"stead/internal/gateway/rewrite"
	"stead/internal/govern"
)

// gatewayRoom is the embedded engine with everything it needs.
type gatewayRoom struct {
	server    *gateway.Server
	engines   *governed.Engines
	catalogue *catalog.Engine
	parser    *duck.Parser
}

// openGateway opens the parser, the catalogue and the rewriter, and refuses to go on when the
// canary finds that a hidden value can be seen, or cannot see at all.
func openGateway(ctx context.Context, a *App) (_ *gatewayRoom, err error) {
	g := &gatewayRoom{}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	if g.parser, err = duck.NewParser(ctx, 4); err != nil {
		return nil, fmt.Errorf("gateway: parser: %w", err)
	}
	if g.catalogue, err = catalog.Open(ctx, catalog.Config{}, g.parser); err != nil {
		return nil, fmt.Errorf("gateway: catalogue: %w", err)
	}
	temp := filepath.Join(a.Config.Data, "temp")
	// The data folder is ours alone: what lies here was left by a process that was killed.
	if err := os.RemoveAll(temp); err != nil {
		return nil, fmt.Errorf("gateway: folder for temporary data: %w", err)
	}
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return nil, fmt.Errorf("gateway: folder for temporary data: %w", err)
	}
	engine := duck.Config{Memory: a.Config.Engine.Memory, Threads: a.Config.Engine.Threads,
		TempDir: temp, TempMax: a.Config.Engine.TempMax, Conns: a.Config.Gateway.Connections * enginesPerClient}
	g.engines = governed.NewEngines(engine)
	rewriting := rewrite.Config{Parser: g.parser, Key: a.hashKey,
		Catalogue: catalog.IsCatalogueName, CatalogueFunction: catalog.IsCatalogueFunction,
		Limits: rewrite.Limits{CopyRows: a.Config.Gateway.CopyRows}}
	rewriter, err := rewrite.New(rewriting)
	if err != nil {
		return nil, fmt.Errorf("gateway: rewriting: %w", err)
	}
	if err := canary(ctx, rewriting, engine); err != nil {
		return nil, fmt.Errorf("the barrier before hidden values does not hold with this build, so nothing is served: %w", err)
	}
	tlsConfig, err := a.tlsFor(a.Config.Gateway.ListenerConfig, "gateway")
	if err != nil {
		return nil, err
	}
	g.server, err = gateway.New(gateway.Config{
		SignIn: a.SignIn,
		Sessions: &governed.Opener{Sessions: a.Sessions, Engines: g.engines, Rewriter: rewriter,
			Catalogue: g.catalogue, Drifted: a.drifted, Elsewhere: a.elsewhere},
		Connection: a.database, TLS: tlsConfig, RequireTLS: !loopback(a.Config.Gateway.Listen),
		Namespace: a.Config.Gateway.Namespace, Log: a.Log, Metrics: a.metrics,
		Limits: gateway.Limits{Connections: a.Config.Gateway.Connections, PerIdentity: a.Config.Gateway.PerIdentity,
			Statement: a.Config.Gateway.StatementTimeout, ResultRows: a.Config.Gateway.ResultRows,
			ResultBytes: a.Config.Gateway.ResultBytes},
	})
	return g, err
}

// enginesPerClient is how many engine connections one client may hold: one to run statements on, and one for
// each answer that is suspended.
const enginesPerClient = 9

// canary proves in a folder of its own, with an engine as those that serve, that no hidden value can make a
// statement fail.
func canary(ctx context.Context, cfg rewrite.Config, engine duck.Config) (err error) {
	dir, err := os.MkdirTemp("", "stead-canary-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return rewrite.Canary(ctx, cfg, dir, func(ctx context.Context, address string) (*duck.Engine, error) {
		engine.Address = address
		return duck.Open(ctx, engine)
	})
}

// hashKey gives the key of a hash mask. Keys are read from the keeper when they are printed and
// nowhere kept.
func (a *App) hashKey(id string) (string, error) {
	s, err := a.Keeper.Secret(context.Background(), "hash/"+id)
	if err == nil {
		err = a.pins.check(context.Background(), "hash/"+id, s)
	}
	if err != nil {
		return "", err
	}
	return s.Hex(), nil
}

// database maps the start-up parameters to a connection: its key, or the only embedded one
// for clients that name none.
func (a *App) database(database, user string) (string, bool) {
	w, err := a.World.World()
	if err != nil {
		return "", false
	}
	if c, ok := w.Connection(database); ok {
		return c.Key, true
	}
	if database != user && database != "postgres" {
		return "", false
	}
	only := ""
	for _, c := range w.Connections() {
		if c.Platform != stead.Embedded {
			continue
		}
		if only != "" {
			return "", false
		}
		only = c.Key
	}
	return only, only != ""
}

// elsewhere refuses connections that people reach directly: the policies are in effect there.
func (a *App) elsewhere(key string) error {
	w, err := a.World.World()
	if err != nil {
		return err
	}
	c, ok := w.Connection(key)
	if !ok || c.Platform == stead.Embedded {
		return nil
	}
	kind := "platform of kind " + string(c.Platform)
	if c.Platform == stead.PostgreSQL {
		kind = "PostgreSQL server"
	}
	return stead.Errorf(stead.Unsupported, "connection %q is a %s: connect to it directly", c.Key, kind).
		WithHint("The policies are in effect there.")
}

func (g *gatewayRoom) close() error {
	var errs []error
	if g.engines != nil {
		errs = append(errs, g.engines.Close())
	}
	if g.catalogue != nil {
		errs = append(errs, g.catalogue.Close())
	}
	if g.parser != nil {
		errs = append(errs, g.parser.Close())
	}
	return errors.Join(errs...)
}

// Crawl implements govern.Crawler.
func (a *App) Crawl(ctx context.Context, c stead.Connection) ([]govern.Discovered, error) {
	switch c.Platform {
	case stead.Embedded:
		return crawlEmbedded(ctx, c)
	case stead.PostgreSQL:
		return a.crawlPostgres(ctx, c)
	}
	return nil, stead.Errorf(stead.Unsupported, "connections of platform %q cannot be crawled yet", c.Platform)
}

func crawlEmbedded(ctx context.Context, c stead.Connection) ([]govern.Discovered, error) {
	found, err := duck.Crawl(ctx, duck.Config{Address: c.Address})
	if err != nil {
		return nil, err
	}
	out := make([]govern.Discovered, len(found))
	for i, f := range found {
		out[i] = govern.Discovered{Path: f.Path, Location: f.Location, Columns: f.Columns}
		if f.Problem != nil {
			out[i].Problem = stead.AsError(f.Problem).Message
		}
	}
	return out, nil
}
