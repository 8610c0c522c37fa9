package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/decide"
	"stead/internal/gateway"
	"stead/internal/gateway/catalog"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/governed"
	"stead/internal/gateway/pgtype"
	"stead/internal/gateway/rewrite"
	"stead/internal/session"
	"stead/policy/expr"
)

// gateways is the gateway as it serves, twice: over Parquet files and over a database file. Both must
// give the same.
type gateways struct {
	dir  string
	over []*live
}

// live is the wire, sessions, rewriting and DuckDB, over a world that is exchanged for every case.
type live struct {
	form   form
	dir    string
	server *gateway.Server
	ended  chan error
	addr   string

	engines   *governed.Engines
	catalogue *catalog.Engine
	parser    *duck.Parser

	mu       sync.Mutex
	world    *decide.World
	at       time.Time
	revision stead.Revision
}

func newGateway(ctx context.Context, cases []*Case) (_ engine, err error) {
	g := &gateways{}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	if g.dir, err = os.MkdirTemp("", "stead-conformance-"); err != nil {
		return nil, err
	}
	if err := writeTables(ctx, g.dir, cases); err != nil {
		return nil, err
	}
	for _, f := range []form{parquet, database} {
		l := &live{form: f, dir: g.dir, world: decide.New(), ended: make(chan error, 1)}
		g.over = append(g.over, l)
		if err := l.open(ctx); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func (g *gateways) name() string { return "gateway" }

// typeOf is PostgreSQL's type. DuckDB's texts have no declared length.
func (g *gateways) typeOf(t expr.Type) string {
	if t.Kind == expr.Text {
		t = expr.TextType
	}
	p := pgtype.Of(t)
	return fmt.Sprintf("%s (%d, %d)", p.Name, p.OID, p.Mod)
}

func (g *gateways) ask(ctx context.Context, c *Case) (answer, error) {
	var first *answer
	for _, l := range g.over {
		if l.form == parquet && slices.ContainsFunc(c.tables, func(t *table) bool { return t.view != "" }) {
			continue // only a database file holds views
		}
		l.set(c)
		got, err := l.once(ctx, c)
		if err != nil {
			return got, fmt.Errorf("over %s: %w", l.form, err)
		}
		if first != nil && !(slices.Equal(first.rows, got.rows) && slices.Equal(first.types, got.types) && first.denied == got.denied) {
			return got, fmt.Errorf("%+v, but over %s %+v", *first, l.form, got)
		}
		first = &got
	}
	return *first, nil
}

func (g *gateways) close() error {
	var errs []error
	for _, l := range g.over {
		errs = append(errs, l.close())
	}
	if g.dir != "" {
		errs = append(errs, os.RemoveAll(g.dir))
	}
	return errors.Join(errs...)
}

func (g *live) open(ctx context.Context) (err error) {
	if g.parser, err = duck.NewParser(ctx, 2); err != nil {
		return err
	}
	if g.catalogue, err = catalog.Open(ctx, catalog.Config{}, g.parser); err != nil {
		return err
	}
	rewriter, err := rewrite.New(rewrite.Config{Parser: g.parser, Key: keyOf,
		Catalogue: catalog.IsCatalogueName, CatalogueFunction: catalog.IsCatalogueFunction})
	if err != nil {
		return err
	}
	g.engines = governed.NewEngines(duck.Config{Threads: 1, Memory: 512 << 20})
	return g.serve(rewriter)
}

func (g *live) serve(rewriter *rewrite.Rewriter) (err error) {
	sessions := session.New(session.Config{World: g.now, Log: forgetful{}, Now: g.clock})
	g.server, err = gateway.New(gateway.Config{
		SignIn:     trusting{g},
		Sessions:   &governed.Opener{Sessions: sessions, Engines: g.engines, Rewriter: rewriter, Catalogue: g.catalogue},
		Connection: func(string, string) (string, bool) { return connection, true },
		Namespace:  "immuta",
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	g.addr = l.Addr().String()
	go func() { g.ended <- g.server.Serve(l) }()
	return nil
}

func (g *live) now() (session.World, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.world, nil
}

func (g *live) clock() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.at
}

// set makes the world of a case the current one.
func (g *live) set(c *Case) {
	d := c.delta
	d.Connections = slices.Clone(d.Connections)
	for i, x := range d.Connections {
		if x.Key == connection {
			moved := *x
			moved.Address = g.form.address(g.dir)
			d.Connections[i] = &moved
		}
	}
	d.Sources = nil
	for _, t := range c.tables {
		if t.registered {
			moved := *t.def
			moved.Location = g.form.location(c, t)
			d.Sources = append(d.Sources, &moved)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.revision++
	d.Revision = g.revision
	g.world, g.at = decide.New().With(d), c.at
}

func (g *live) once(ctx context.Context, c *Case) (answer, error) {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(c.Asker.User, password), Host: g.addr, Path: "/" + connection, RawQuery: "sslmode=disable"}
	conn, err := pgx.Connect(ctx, u.String())
	if err != nil {
		return refused(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, sql := range c.settings() {
		_, _ = conn.PgConn().Exec(ctx, sql).ReadAll() // what it refuses shows in the query
	}
	sql, err := c.sql()
	if err != nil {
		return answer{}, err
	}
	r := conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil)
	fields := slices.Clone(r.FieldDescriptions())
	out := r.Read()
	if out.Err != nil {
		return refused(out.Err)
	}
	if c.Operation == "list" {
		return listed(out.Rows), nil
	}
	return c.shown(fields, out.Rows, g.described)
}

func (g *live) close() error {
	var errs []error
	if g.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		errs = append(errs, g.server.Shutdown(ctx))
		if g.addr != "" {
			errs = append(errs, <-g.ended)
		}
	}
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
