package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
	"stead/policy/expr"
)

// tables are many small tables, read all the time while what they are governed by changes.
type tables struct {
	*pgSite
	rep  *report
	n    int
	part string
	base decide.Delta
}

const (
	steadyRule = `{"policyKey":"steady","name":"Steady","type":"data","circumstances":[{"type":"all"}],"actions":[{"rules":[{"type":"Row Restriction by User Entitlements",
		"exceptions":{"groups":[%q]},"config":{"matches":[{"type":"attribute","attribute":"dept","column":"dept"}]}}]}]}`
	whereRule = `{"policyKey":"where","name":"Where","type":"data","circumstances":[{"type":"all"}],"actions":[{"rules":[{"type":"Row Restriction by Custom Where Clause",
		"config":{"predicate":"id <= %d"}}]}]}`
	hashRule = `{"policyKey":"hash","name":"Hash","type":"data","circumstances":[{"type":"all"}],"actions":[{"rules":[{"type":"Masking",
		"config":{"fields":[{"type":"columnName","columnName":"ssn"}],"maskingConfig":{"type":"Hash"}}}]}]}`
)

// tablesOnPostgres measures plans and applies for 2,000 tables beside DDL by hand, and how long readers wait meanwhile. Each table has 100
// rows of the analyst's department and 100 of others'.
func tablesOnPostgres(ctx context.Context, rep *report, o options) (err error) {
	n := int(min(2000, o.rows/1000))
	s, err := openSite(ctx, "max_locks_per_transaction = 1024", "shared_buffers = '1GB'")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	t := &tables{pgSite: s, rep: rep, n: n, part: fmt.Sprintf("PostgreSQL, %d tables", n)}
	if err := t.furnish(ctx); err != nil {
		return err
	}
	if err := t.byHand(ctx); err != nil {
		return err
	}
	return t.governed(ctx)
}

func (t *tables) furnish(ctx context.Context) error {
	t.base = decide.Delta{Connections: []*stead.Connection{{ID: 1, Key: "pg", Platform: stead.PostgreSQL}}, Identities: people(1000),
		Groups: []*stead.Group{{ID: 1, IAM: stead.DefaultIAM, Name: "first"}, {ID: 2, IAM: stead.DefaultIAM, Name: "second"}}}
	var sql strings.Builder
	sql.WriteString("CREATE SCHEMA big; GRANT USAGE ON SCHEMA big TO PUBLIC; CREATE SCHEMA hand; GRANT USAGE ON SCHEMA hand TO PUBLIC;")
	for i := range t.n {
		for _, schema := range []string{"big", "hand"} {
			fmt.Fprintf(&sql, "CREATE TABLE %s.t%d AS SELECT g AS id, CASE WHEN g <= 100 THEN 'd17' ELSE 'd18' END AS dept, g::text AS ssn FROM generate_series(1, 200) g;", schema, i)
		}
		t.base.Sources = append(t.base.Sources, &stead.DataSource{ID: stead.SourceID(i + 1), Connection: "pg", Path: []string{"big", fmt.Sprintf("t%d", i)}, State: stead.Active,
			Columns: []stead.Column{{Name: "id", Type: expr.Type{Kind: expr.Int, Bits: 32}}, {Name: "dept", Type: expr.TextType}, {Name: "ssn", Type: expr.TextType}}})
	}
	return t.exec(ctx, sql.String())
}

// byHand governs as many tables with the least that a person would write: row security, one policy of a literal, a grant.
func (t *tables) byHand(ctx context.Context) error {
	each := func(format string) []string {
		var list []string
		for i := range t.n {
			list = append(list, strings.ReplaceAll(format, "?", fmt.Sprintf("hand.t%d", i)))
		}
		return list
	}
	batches := func(list []string) error {
		for len(list) > 0 {
			some := list[:min(50, len(list))]
			list = list[len(some):]
			if err := t.exec(ctx, "BEGIN;"+strings.Join(some, ";")+";COMMIT"); err != nil {
				return err
			}
		}
		return nil
	}
	for _, c := range []struct{ what, sql string }{
		{"first push by hand, 50 tables a transaction", "ALTER TABLE ? ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON ? USING (dept = 'd17'); GRANT SELECT ON ? TO ana"},
		{"ALTER POLICY by hand, 50 tables a transaction", "ALTER POLICY p ON ? USING (dept = 'd17' AND id <= 90)"},
	} {
		began := time.Now()
		if err := batches(each(c.sql)); err != nil {
			return err
		}
		t.rep.add(figure{Part: t.part, What: c.what, Value: time.Since(began).Seconds(), Unit: "s"})
	}
	return nil
}

func (t *tables) world(docs ...string) (*decide.World, error) {
	policies, err := decoded(append([]string{openDoc}, docs...)...)
	if err != nil {
		return nil, err
	}
	d := t.base
	d.Revision, d.Policies = t.next(), policies
	return decide.New().With(d), nil
}

// governed goes from nothing through edits of rows and of objects.
func (t *tables) governed(ctx context.Context) error {
	rule := fmt.Sprintf(steadyRule, "first")
	w, err := t.world(rule)
	if err != nil {
		return err
	}
	_, took, err := t.bring(ctx, w)
	if err != nil {
		return err
	}
	t.tell("first push", took, false)
	began := time.Now()
	if drift, err := t.platform.Verify(ctx, t.state); err != nil || len(drift) > 0 {
		return errors.Join(fmt.Errorf("drift after the first push: %v", drift), err)
	}
	t.rep.add(figure{Part: t.part, What: "look for drift", Value: time.Since(began).Seconds(), Unit: "s"})

	// Readers see 100 rows of each table before and after the first edits, and 90 after the last.
	where := fmt.Sprintf(whereRule, 90)
	for _, c := range []struct {
		what   string
		rows   bool
		legal  []string
		change func() (*decide.World, error)
	}{
		{"an attribute of one of 1,000 people", true, []string{"100|"}, func() (*decide.World, error) {
			one := *t.base.Identities[500]
			one.Attributes = stead.Attributes{"dept": {"d17"}}
			t.base.Identities[500] = &one
			return t.world(rule)
		}},
		{"the policy of every table excepts another group", true, []string{"100|"}, func() (*decide.World, error) {
			rule = fmt.Sprintf(steadyRule, "second")
			return t.world(rule)
		}},
		{"a row rule more on every table", false, []string{"100|", "90|", "0|"}, func() (*decide.World, error) { return t.world(rule, where) }},
		{"a column of every table is masked by a hash", false, []string{"90|", "0|"}, func() (*decide.World, error) { return t.world(rule, where, hashRule) }},
	} {
		if err := t.edit(ctx, c.what, c.rows, c.legal, c.change); err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
	}
	return nil
}

func (t *tables) tell(what string, took took, rows bool) {
	unit, per := "s", time.Second
	if rows {
		unit, per = "ms", time.Millisecond
	}
	in := func(d time.Duration) float64 { return float64(d) / float64(per) }
	t.rep.add(figure{Part: t.part, What: what, Value: in(took.all()), Unit: unit})
	t.rep.add(figure{Part: t.part, What: "  of it the state", Value: in(took.build), Unit: unit})
	t.rep.add(figure{Part: t.part, What: "  of it the plan", Value: in(took.plan), Unit: unit})
	t.rep.add(figure{Part: t.part, What: "  of it the apply", Value: in(took.apply), Unit: unit})
}

// edit carries one change out while two readers go on.
func (t *tables) edit(ctx context.Context, what string, rows bool, legal []string, change func() (*decide.World, error)) error {
	w, err := change()
	if err != nil {
		return err
	}
	end, err := t.readers(ctx, legal)
	if err != nil {
		return err
	}
	plan, took, err := t.bring(ctx, w)
	stall, closed, reads, rerr := end()
	if err := errors.Join(err, rerr); err != nil {
		return err
	}
	for _, s := range plan.Steps {
		if rows && s.Kind == push.ObjectEdit {
			return fmt.Errorf("edits objects: %s", s.Why)
		}
	}
	t.tell(what, took, rows)
	t.rep.add(figure{Part: t.part, What: "  longest wait of a reader", Value: ms(stall), Unit: "ms"})
	if !rows {
		t.rep.add(figure{Part: t.part, What: "  reads that met a closed table, of " + fmt.Sprint(reads), Value: float64(closed), Unit: "reads"})
	}
	return nil
}

// readers ask two connections for one table after the other until end is called, which says how long the longest answer took, how
// many found the table closed or were told to begin anew, and how many there were. Any other answer is an error.
func (t *tables) readers(ctx context.Context, legal []string) (end func() (time.Duration, int64, int64, error), err error) {
	ctx, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	var longest, closed, reads atomic.Int64
	errs := make(chan error, 2)
	for r := range 2 {
		c, err := t.dial(ctx, analystThere)
		if err != nil {
			stop()
			return nil, err
		}
		group.Go(func() {
			defer func() { _ = c.Close(context.Background()) }()
			for i := r; ctx.Err() == nil; i += 7 {
				began := time.Now()
				got, err := answer(context.WithoutCancel(ctx), c, fmt.Sprintf("SELECT count(*)::text FROM big.t%d", i%t.n))
				took := int64(time.Since(began))
				reads.Add(1)
				for old := longest.Load(); took > old && !longest.CompareAndSwap(old, took); old = longest.Load() {
				}
				switch {
				case retryable(err) || err == nil && got == "0|":
					closed.Add(1)
				case err != nil || !contains(legal, got):
					errs <- fmt.Errorf("a reader saw %q: %w", got, err)
					return
				}
			}
		})
	}
	return func() (time.Duration, int64, int64, error) {
		stop()
		group.Wait()
		close(errs)
		return time.Duration(longest.Load()), closed.Load(), reads.Load(), <-errs
	}, nil
}
