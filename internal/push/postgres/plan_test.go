package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"stead"
	"stead/internal/push"
	"stead/policy/expr"
)

func kinds(plan *push.Plan) string {
	var out []string
	for _, s := range plan.Steps {
		out = append(out, string(s.Kind))
	}
	return strings.Join(out, " ")
}

// What changes only people is rows; what changes expressions is objects, with the rows that belong to them.
func TestPlanIsRowsWherePossible(t *testing.T) {
	s := newSite(t, nil, "")
	w := hrWorld()
	first := w.state(s)
	if got := kinds(s.apply(first, nil)); got != "bootstrap keys rows objects roles" {
		t.Error(got)
	}
	w.depts = map[string][]string{"alice": {"d0"}, "bob": {"d1", "d2"}}
	second := w.state(s)
	plan := s.apply(second, first)
	if got := kinds(plan); got != "rows" || !plan.Steps[0].Widens {
		t.Error(got, plan.Steps[0].Edits)
	}
	s.want("bob", "SELECT count(*) FROM emp", "6")
	w.depts = map[string][]string{"alice": {"d0"}}
	third := w.state(s)
	if got := kinds(s.apply(third, second)); got != "rows" {
		t.Error(got)
	}
	s.want("bob", "SELECT count(*) FROM emp", "0")
	if got := kinds(s.plan(third, third)); got != "" {
		t.Error(got)
	}
	src := *w.sources[0]
	src.Rows = expr.Subject{Fact: expr.SlotHolds, Key: "2"}
	w.sources = []*push.Source{digested(&src)}
	fourth := w.state(s)
	if got := kinds(s.apply(fourth, third)); got != "objects" {
		t.Error(got)
	}
	s.want("alice", "SELECT count(*) FROM emp", "9")
	s.want("bob", "SELECT count(*) FROM emp", "0")
	s.settled(fourth)
	if _, err := s.p.Plan(t.Context(), first, nil); stead.CodeOf(err) != stead.Conflict {
		t.Error("an older state was planned:", err)
	}
}

// Two installations of the same world see what the other did, and one that is behind is told.
func TestTwoFollowers(t *testing.T) {
	s := newSite(t, nil, "")
	w := hrWorld()
	first := w.state(s)
	a, b := s.p, s.open()
	s.apply(first, nil)
	s.p = b
	if got := kinds(s.plan(first, nil)); got != "" {
		t.Error(got)
	}
	w.readers = nil
	second := w.state(s)
	s.p = a
	s.apply(second, first)
	s.p = b
	plan := s.plan(second, first)
	if err := b.Apply(t.Context(), plan, nil); err != nil {
		t.Error("what somebody else did counts as done:", err)
	}
	w.readers = []string{"bob"}
	third := w.state(s)
	s.p = a
	s.apply(third, second)
	w.readers = []string{"alice"}
	plan, err := b.Plan(t.Context(), w.state(s), second)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Apply(t.Context(), plan, nil); stead.CodeOf(err) != stead.Conflict {
		t.Error("a plan from elsewhere was applied:", err)
	}
}

// breaker cancels a context before the step n of an apply.
func (s *site) applyUntil(plan *push.Plan, n int) error {
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	if n == 0 {
		cancel()
	}
	return s.p.Apply(ctx, plan, func(p push.Progress) {
		if p.Done >= n {
			cancel()
		}
	})
}

// An apply that is cut off after any step is completed by the same plan or a new one, and meanwhile nobody sees rows that
// neither state shows.
func TestApplyIsResumed(t *testing.T) {
	s := newSite(t, nil, "SET ROLE hr_owner; CREATE TABLE hr.two AS TABLE hr.emp; RESET ROLE")
	w := hrWorld()
	old := w.state(s)
	s.apply(old, nil)
	var readers sync.WaitGroup
	stop := make(chan struct{})
	allowed := map[string]bool{"": true, "0,~": true, "3,2": true, "6,1": true} // count and the least id, before and after
	for range 2 {
		c := s.dial("bob")
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got := answer(context.Background(), c, "SELECT count(*), min(id) FROM hr.emp"); !allowed[got] {
					t.Errorf("between states bob saw %s", got)
					return
				}
				if got := answer(context.Background(), c, "SELECT count(ssn), min(id) FROM hr_gov.emp WHERE salary IS NOT NULL"); got != "0,~" && got != "ERROR 40001" {
					t.Errorf("between states bob saw %s", got)
					return
				}
			}
		})
	}
	// the policy changes and so do people: bob's departments, and who sees clear values
	next := func(round int) *push.State {
		if round%2 == 0 {
			w.depts = map[string][]string{"alice": {"d0"}, "bob": {"d1", "d2"}}
		} else {
			w.depts = map[string][]string{"alice": {"d0", "d1"}, "bob": {"d2"}}
		}
		src := *empSource()
		if round%2 == 0 {
			src.Rows = mustCall(expr.And, src.Rows, mustCall(expr.Lt, expr.Column{Name: "id", Typ: expr.Type{Kind: expr.Int, Bits: 32}}, expr.IntLit(100)))
		}
		two := *empSource()
		two.ID, two.Path = 8, []string{"hr", "two"}
		for i := range two.Columns {
			two.Columns[i].Shown = expr.Column{Name: two.Columns[i].Name, Typ: two.Columns[i].Type}
		}
		w.sources = []*push.Source{digested(&src)}
		if round%2 == 0 {
			w.sources = append(w.sources, digested(&two))
		}
		return w.state(s)
	}
	for n := range 8 {
		st := next(n)
		plan := s.plan(st, nil)
		err := s.applyUntil(plan, n)
		if n < len(plan.Steps) && err == nil && n == 0 {
			t.Error("an apply that was cut off reports success")
		}
		if n%3 == 2 {
			plan = s.plan(st, nil)
		}
		if err := s.p.Apply(t.Context(), plan, nil); err != nil {
			t.Fatalf("after %d steps: %v: %v", n, err, errors.Unwrap(err))
		}
		s.settled(st)
		want := "6,1"
		if n%2 == 1 {
			want = "3,2"
		}
		s.want("bob", "SELECT count(*), min(id) FROM hr.emp", want)
	}
	close(stop)
	readers.Wait()
}

// A transaction that began before an edit gets an error, not the new policies over the old people.
func TestOldTransaction(t *testing.T) {
	s := newSite(t, nil, "")
	w := hrWorld()
	first := w.state(s)
	s.apply(first, nil)
	c := s.dial("bob")
	if got := answer(t.Context(), c, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"); got != "1" {
		t.Fatal(got)
	}
	src := *empSource()
	src.Rows = expr.Subject{Fact: expr.SlotHolds, Key: "2"}
	w.sources = []*push.Source{digested(&src)}
	w.readers = []string{"alice"}
	s.apply(w.state(s), first)
	if got := answer(t.Context(), c, "SELECT count(*) FROM hr.emp"); got != "ERROR 40001" {
		t.Error(got)
	}
}

// A table in use holds nobody up: it is tried again, then closed and reported, and the others go on.
func TestBusyTable(t *testing.T) {
	s := newSite(t, nil, "SET ROLE hr_owner; CREATE TABLE hr.two AS TABLE hr.emp; RESET ROLE")
	w := hrWorld()
	first := w.state(s)
	s.apply(first, nil)
	holder := s.dial("bob")
	if got := answer(t.Context(), holder, "BEGIN; SELECT count(*) FROM hr.emp"); got != "3" {
		t.Fatal(got)
	}
	src, two := *empSource(), *empSource()
	src.Rows = expr.True
	two.ID, two.Path = 8, []string{"hr", "two"}
	w.sources = []*push.Source{digested(&src), digested(&two)}
	second := w.state(s)
	plan := s.plan(second, first)
	retries := 0
	err := s.p.Apply(t.Context(), plan, func(p push.Progress) {
		if p.Retry != nil {
			retries++
		}
	})
	if stead.CodeOf(err) != stead.Unavailable || retries == 0 || !strings.Contains(err.Error(), "hr.emp") {
		t.Error(retries, err)
	}
	s.want("bob", "SELECT count(*) FROM hr_gov.two", "3")
	s.want("bob", "SELECT count(*) FROM hr_gov.emp", "0")
	answer(t.Context(), holder, "ROLLBACK")
	s.apply(second, nil)
	s.want("bob", "SELECT count(*) FROM hr_gov.emp", "9")
	s.settled(second)
}

func TestScriptHasNoSecrets(t *testing.T) {
	s := newSite(t, nil, "")
	plan := s.plan(hrWorld().state(s), nil)
	script := s.p.Script(plan)
	key, err := s.p.key(t.Context(), "source/7")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(script, key) || !strings.Contains(script, "CREATE POLICY") || !strings.Contains(script, "stead writes 1 keys itself") {
		t.Error(script)
	}
	if err := s.p.Apply(t.Context(), plan, nil); err != nil {
		t.Fatal(err)
	}
	s.exec(s.p.Script(s.plan(hrWorld().state(s), nil)))
}

// What an administrator's script does counts as done.
func TestScriptByHand(t *testing.T) {
	s := newSite(t, nil, "")
	st := hrWorld().state(s)
	s.exec(s.p.Script(s.plan(st, nil)))
	s.want("bob", "SELECT * FROM emp", "")
	if got := kinds(s.apply(st, nil)); got != "keys rows" {
		t.Error(got)
	}
	s.want("bob", "SELECT count(*) FROM emp", "3")
	s.settled(st)
}

func TestLock(t *testing.T) {
	s := newSite(t, nil, "")
	st := hrWorld().state(s)
	plan := s.plan(st, nil)
	other := s.open()
	errs := make(chan error, 2)
	for _, p := range []*Platform{s.p, other} {
		go func() { errs <- p.Apply(context.Background(), plan, nil) }()
	}
	var codes []stead.Code
	for range 2 {
		if err := <-errs; err != nil {
			codes = append(codes, stead.CodeOf(err))
		}
	}
	if slices.ContainsFunc(codes, func(c stead.Code) bool { return c != stead.Conflict && c != stead.Unavailable }) {
		t.Error(codes)
	}
	if err := s.p.Apply(t.Context(), s.plan(st, nil), nil); err != nil {
		t.Fatal(err)
	}
	s.settled(st)
}
