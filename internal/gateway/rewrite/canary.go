package rewrite

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"stead"
	"stead/internal/gateway/duck"
	"stead/policy/expr"
)

// canaryFiles hold the same 20,000 rows as a Parquet file and as a table of a database
// file. Every fifth row is in region EU and harmless; the others hold values that make
// the probes fail.
//
//go:embed canary/data.parquet.gz canary/data.duckdb.gz
var canaryFiles embed.FS

const canaryVisible = 4000

// canaryFailing is a condition that DuckDB runs on hidden rows when nothing but a
// sub-select stands between.
const canaryFailing = "regexp_full_match('a', s)"

// canaryProbes must all succeed over the governed table. The first ones fail on hidden
// rows; the last ones are plain.
var canaryProbes = []string{canaryFailing, "chr(CAST(n AS INTEGER))", "epoch_ns(ts)", "regexp_full_match('a', st.s)",
	"CAST(ls AS INTEGER[])", "regexp_replace('a', s, 'b')", "date_trunc('day', ts)", "upper(s)", "(s LIKE 'ab%')", "(n > 5)"}

var canaryColumns = []stead.Column{{Name: "id", Type: expr.IntType}, {Name: "region", Type: expr.TextType},
	{Name: "tenant", Type: expr.Type{Kind: expr.Int, Bits: 32}}, {Name: "s", Type: expr.TextType}, {Name: "n", Type: expr.IntType},
	{Name: "ts", Type: expr.TimestampType}, {Name: "st", Type: expr.Type{Kind: expr.Struct, Fields: []expr.Field{{Name: "s", Type: expr.TextType}}}},
	{Name: "ls", Type: expr.Type{Kind: expr.Array, Elem: &expr.TextType}}}

// Canary proves on this machine and this version of DuckDB that hidden values cannot
// make a statement fail, before anything is served. dir is an empty folder of its own;
// open opens an engine configured as those that serve. It fails also when the
// unprotected form does not fail: then the canary would see nothing. The server must
// not start on an error.
func Canary(ctx context.Context, cfg Config, dir string, open func(ctx context.Context, address string) (*duck.Engine, error)) error {
	for _, name := range []string{"data.parquet", "data.duckdb"} {
		if err := canaryOn(ctx, cfg, dir, name, open); err != nil {
			return stead.Errorf(stead.Unavailable, "the engine does not keep hidden rows apart: nothing is served").
				WithHint("install the version of stead that was tested with this engine").WithCause(fmt.Errorf("canary on %s: %w", name, err))
		}
	}
	return nil
}

func canaryOn(ctx context.Context, cfg Config, dir, name string, open func(context.Context, string) (*duck.Engine, error)) (err error) {
	address, location := filepath.Join(dir, "files"), name
	if err := os.MkdirAll(address, 0o700); err != nil {
		return err
	}
	file := filepath.Join(address, name)
	if err := unpack(name+".gz", file); err != nil {
		return err
	}
	if filepath.Ext(name) == ".duckdb" {
		address, location = file, "main.canary"
	}
	engine, err := open(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	source := &stead.DataSource{ID: 1, Path: []string{"main", "canary"}, Location: location, Columns: canaryColumns, State: stead.Active}
	if err := engine.Define(ctx, source); err != nil {
		return err
	}
	r, err := New(cfg)
	if err != nil {
		return err
	}
	return (&canary{engine: engine, rewriter: r, source: source}).run(ctx)
}

func unpack(name, file string) error {
	b, err := canaryFiles.ReadFile("canary/" + name)
	if err != nil {
		return err
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	if b, err = io.ReadAll(z); err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

type canary struct {
	engine   *duck.Engine
	rewriter *Rewriter
	source   *stead.DataSource
}

// policies show every fifth row: a comparison, and one with OR.
func (c *canary) policies() ([]expr.Node, error) {
	region := expr.Column{Name: "region", Typ: expr.TextType}
	eu, err := expr.NewCall(expr.Eq, region, expr.TextLit("EU"))
	if err != nil {
		return nil, err
	}
	tenant, err := expr.NewCall(expr.Eq, expr.Column{Name: "tenant", Typ: canaryColumns[2].Type}, expr.IntLit(77))
	if err != nil {
		return nil, err
	}
	or, err := expr.NewCall(expr.Or, eu, tenant)
	return []expr.Node{eu, or}, err
}

func (c *canary) run(ctx context.Context) error {
	policies, err := c.policies()
	if err != nil {
		return err
	}
	for i, p := range policies {
		l := &leafRef{source: c.decided(p, i)}
		l.all = true
		l.use(nil)
		body, _, err := l.body(c.rewriter.cfg.Printer, false)
		if err != nil {
			return err
		}
		_, err = c.count(ctx, "SELECT count(*) FROM ("+body+") AS canary WHERE "+canaryFailing+" IS NOT NULL")
		if duck.KindOf(err) == "" {
			return fmt.Errorf("the unprotected form was expected to fail, so nothing can be seen: %w", errors.Join(err, errBlind))
		}
		for _, probe := range canaryProbes {
			if err := c.probe(ctx, "SELECT count(*) FROM canary WHERE "+probe+" IS NOT NULL", p, i); err != nil {
				return fmt.Errorf("%s: %w", probe, err)
			}
		}
	}
	return nil
}

var errBlind = errors.New("the canary is blind")

func (c *canary) decided(rows expr.Node, i int) Source {
	d := stead.Decision{Verdict: stead.Allow, Operation: stead.Read, Object: c.source.Object(), Source: c.source,
		Rows: stead.Residual{Extent: stead.When, When: rows}, Fingerprint: stead.Fingerprint{1, byte(i)}}
	for _, col := range c.source.Columns {
		d.Columns = append(d.Columns, stead.ColumnDecision{Name: col.Name, Type: col.Type, Access: stead.ColumnClear})
	}
	return Source{Decision: d}
}

func (c *canary) probe(ctx context.Context, sql string, rows expr.Node, i int) error {
	plan, err := c.rewriter.Plan(ctx, sql, nil, func([]string) (Source, error) { return c.decided(rows, i), nil })
	if err != nil {
		return err
	}
	n, err := c.count(ctx, plan.SQL, plan.Copies...)
	if err == nil && n != canaryVisible {
		err = fmt.Errorf("%d rows instead of %d", n, canaryVisible)
	}
	return err
}

// count runs a statement that gives one number.
func (c *canary) count(ctx context.Context, sql string, copies ...Copy) (n int64, err error) {
	conn, err := c.engine.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, k := range copies {
		if _, err := conn.Exec(ctx, k.Fill); err != nil {
			return 0, err
		}
	}
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if size, err := rows.Next(); err != nil || size != 1 {
		return 0, errors.Join(err, errors.New("no row"))
	}
	return rows.Column(0).Int(0), nil
}
