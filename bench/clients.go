package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// clients asks the point look-up and the aggregate, with the row rule, from 1, 8 and 64 connections at once.
func (b *benches) clients(ctx context.Context, rep *report) error {
	for _, q := range []*query{&queries[0], &queries[2]} {
		for _, n := range []int{1, 8, 64} {
			if err := b.crowd(ctx, rep, q, n); err != nil {
				return fmt.Errorf("%d clients, %s: %w", n, q.name, err)
			}
		}
	}
	return nil
}

// asker asks once.
type asker func() error

// crowdForm is one way of asking, with a connection for each client.
type crowdForm struct {
	name   string
	askers []asker
	took   []time.Duration
	spent  time.Duration
}

func (b *benches) crowd(ctx context.Context, rep *report, q *query, n int) (err error) {
	const governed, table = rowRule, "ruled"
	var closers []func() error
	defer func() {
		for _, c := range closers {
			err = errors.Join(err, c())
		}
	}()
	direct, hit, unlogged := &crowdForm{name: "the engine itself"}, &crowdForm{name: "gateway"}, &crowdForm{name: "gateway, without the flush"}
	text, hand := q.governedText(table), q.handText(governed)
	for range n {
		c, err := b.engine.Conn(ctx)
		if err != nil {
			return err
		}
		closers = append(closers, c.Close)
		direct.askers = append(direct.askers, func() error {
			_, err := askDirectly(ctx, c, hand, q.arg(b.o.rows, governed))
			return err
		})
		for f, address := range map[*crowdForm]string{hit: b.served.Logged, unlogged: b.served.Unlogged} {
			w, err := dial(ctx, address, b.served.Key)
			if err != nil {
				return err
			}
			closers = append(closers, func() error { return w.conn.Close(ctx) })
			if err := w.prepare(ctx, "q", text); err != nil {
				return err
			}
			f.askers = append(f.askers, func() error {
				_, err := w.prepared(ctx, "q", q.arg(b.o.rows, governed))
				return err
			})
		}
	}
	forms := []*crowdForm{direct, hit, unlogged}
	rand.Shuffle(len(forms), func(i, j int) { forms[i], forms[j] = forms[j], forms[i] })
	for _, f := range forms {
		if err := f.ask(b.o.seconds); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	part := fmt.Sprintf("%s, %s, %d clients", q.name, governed, n)
	for _, f := range []*crowdForm{direct, unlogged, hit} {
		fig := figure{Part: part, What: f.name, Value: f.rate(), Unit: "queries/s"}
		if f != direct {
			fig.Ratio = f.rate() / direct.rate()
		}
		rep.add(fig)
		rep.add(timed(part, "  each", f.took))
	}
	return nil
}

// ask lets every client ask one statement after the other for a while, at least once.
func (f *crowdForm) ask(d time.Duration) error {
	took, errs := make([][]time.Duration, len(f.askers)), make([]error, len(f.askers))
	var all sync.WaitGroup
	began := time.Now()
	for i, ask := range f.askers {
		all.Go(func() {
			for errs[i] == nil && (len(took[i]) == 0 || time.Since(began) < d) {
				at := time.Now()
				errs[i] = ask()
				took[i] = append(took[i], time.Since(at))
			}
		})
	}
	all.Wait()
	f.spent += time.Since(began)
	for _, t := range took {
		f.took = append(f.took, t...)
	}
	return errors.Join(errs...)
}

func (f *crowdForm) rate() float64 { return float64(len(f.took)) / f.spent.Seconds() }
