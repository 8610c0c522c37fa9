package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"stead/internal/gateway/duck"
)

// benches are the gateway, in a process of its own, and the engine beside it.
type benches struct {
	o      options
	served *served
	engine *duck.Engine
}

func openBenches(ctx context.Context, o options) (_ *benches, err error) {
	b := &benches{o: o}
	folder := folderOf(o)
	if err := generate(ctx, folder, o.rows); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.served, err = startServed(ctx, o); err != nil {
		return nil, err
	}
	cfg := engineConfig
	cfg.Address = folder
	if b.engine, err = duck.Open(ctx, cfg); err != nil {
		return nil, err
	}
	large, small := sourceOf("large", "plain"), sourceOf("small", "plain")
	large.ID, small.ID = 1, 2
	return b, errors.Join(b.engine.Define(ctx, &large), b.engine.Define(ctx, &small))
}

func (b *benches) close() error {
	var err error
	if b.engine != nil {
		err = b.engine.Close()
	}
	if b.served != nil {
		err = errors.Join(err, b.served.stop())
	}
	return err
}

// asking is what the forms of one comparison ask through.
type asking struct {
	direct           *duck.Conn
	logged, unlogged *client
}

func (b *benches) connect(ctx context.Context) (a asking, err error) {
	if a.direct, err = b.engine.Conn(ctx); err != nil {
		return a, err
	}
	if a.logged, err = dial(ctx, b.served.Logged, b.served.Key); err != nil {
		return a, err
	}
	a.unlogged, err = dial(ctx, b.served.Unlogged, b.served.Key)
	return a, err
}

// statements compares every statement under every kind of policy with the engine itself.
func (b *benches) statements(ctx context.Context, rep *report) error {
	a, err := b.connect(ctx)
	if err != nil {
		return err
	}
	for i := range queries {
		if !strings.HasPrefix(queries[i].name, b.o.only) {
			continue
		}
		for _, g := range governedAs {
			if err := b.compare(ctx, rep, a, &queries[i], g.name, g.table); err != nil {
				return fmt.Errorf("%s, %s: %w", queries[i].name, g.name, err)
			}
		}
	}
	return nil
}

func (b *benches) compare(ctx context.Context, rep *report, a asking, q *query, governed, table string) error {
	name, text, hand := q.name+"/"+table, q.governedText(table), q.handText(governed)
	if err := errors.Join(a.logged.prepare(ctx, name, text), a.unlogged.prepare(ctx, name, text)); err != nil {
		return err
	}
	stmt, err := a.direct.Prepare(hand)
	if err != nil {
		return err
	}
	rowsOf := func(ask func(arg int64) (int64, error)) func() error {
		return func() error {
			n, err := ask(q.arg(b.o.rows, governed))
			if err == nil && q.want != nil && n != q.want(b.o.rows) {
				err = fmt.Errorf("%d rows came back, not %d", n, q.want(b.o.rows))
			}
			return err
		}
	}
	direct := &form{name: "direct", run: rowsOf(func(arg int64) (int64, error) { return askDirectly(ctx, a.direct, hand, arg) })}
	ready := &form{name: "prepared", run: rowsOf(func(arg int64) (int64, error) { return executeDirectly(ctx, stmt, arg) })}
	hit := &form{name: "hit", run: rowsOf(func(arg int64) (int64, error) { return a.logged.prepared(ctx, name, arg) })}
	unlogged := &form{name: "unlogged", run: rowsOf(func(arg int64) (int64, error) { return a.unlogged.prepared(ctx, name, arg) })}
	cold := &form{name: "cold", run: rowsOf(func(arg int64) (int64, error) { return a.logged.once(ctx, text, arg) })}
	if err := errors.Join(interleave([]*form{direct, ready, hit, unlogged, cold}, b.o.rounds, q.times), stmt.Close()); err != nil {
		return err
	}
	part := q.name + ", " + governed
	rep.add(timed(part, "the engine itself, SQL by hand, prepared once", ready.took))
	rep.add(beside(part, "the engine itself, SQL by hand, prepared each time", direct.took, ready.took))
	b.judge(rep, q, beside(part, "gateway, plan-cache hit, without the flush", unlogged.took, ready.took), ms(median(unlogged.took)-median(ready.took)))
	rep.add(beside(part, "gateway, plan-cache hit", hit.took, ready.took))
	rep.add(figure{Part: part, What: "  of it the flush of the records", Value: ms(median(hit.took) - median(unlogged.took)), Unit: "ms"})
	rep.add(beside(part, "gateway, cold, beside the engine prepared each time", cold.took, direct.took))
	return nil
}

// judge holds a figure against its bar.
func (b *benches) judge(rep *report, q *query, f figure, over float64) {
	switch {
	case q.times > 1: // a point look-up
		rep.add(f)
		rep.against(figure{Part: f.Part, What: "  over the engine itself", Value: over, Unit: "ms"}, "<= 0.2 ms", over <= 0.2)
	case q.wrap != "": // an aggregate
		rep.against(f, "<= 1.1x", f.Ratio <= 1.1)
	default:
		rep.add(f)
	}
}

func executeDirectly(ctx context.Context, s *duck.Stmt, arg int64) (int64, error) {
	if err := s.Bind(arg); err != nil {
		return 0, err
	}
	rows, err := s.Stream(ctx)
	if err != nil {
		return 0, err
	}
	return drain(rows)
}

func askDirectly(ctx context.Context, c *duck.Conn, sql string, arg int64) (int64, error) {
	rows, err := c.Query(ctx, sql, arg)
	if err != nil {
		return 0, err
	}
	return drain(rows)
}
