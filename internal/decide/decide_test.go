package decide

import (
	"slices"
	"strings"
	"testing"
	"time"

	"stead"
	"stead/policy/expr"
)

func TestDemo(t *testing.T) {
	f := newFixture(t)
	ana := f.user("ana", stead.Attributes{"department": {"Sales"}})
	bo := f.user("bo", stead.Attributes{"department": {"Sales", "Finance"}})
	olga := f.user("olga", nil)
	f.user("eve", nil)
	f.group("analysts", ana, bo)
	f.group("cleared", bo)
	f.hr(olga)
	f.access("analysts", `{"type":"entitlements","entitlements":{"groups":["analysts"]},"automaticSubscription":true}`)
	f.data("rows", byDepartment)
	f.data("ssn", hashSSN)
	w := f.world()
	expect(t, read(t, w, "ana"), `when "dept" IN ('Sales'); ssn hash`)
	expect(t, read(t, w, "bo"), `when "dept" IN ('Finance', 'Sales')`)
	expect(t, read(t, w, "olga"), `never; ssn hash`)
	expect(t, read(t, w, "eve"), `denied not_found`)
	d := read(t, w, "ana")
	if len(d.Policies) != 3 || d.Source == nil {
		t.Errorf("policies %v of %v", d.Policies, d.Source)
	}
	if k, ok := keyIn(d.Columns[2].Mask); !ok || k != "source/7" {
		t.Errorf("key %q", k)
	}
	reason(t, d, stead.Masked, "ssn", `is not in group "cleared"`)
	reason(t, read(t, w, "bo"), stead.MaskExempt, "ssn", `is in group "cleared"`)
	reason(t, read(t, w, "eve"), stead.Refused, "analysts", `is not in group "analysts"`)
}

func keyIn(n expr.Node) (id string, ok bool) {
	expr.Walk(n, func(n expr.Node) bool {
		if k, is := n.(expr.Key); is {
			id, ok = k.ID, true
		}
		return true
	})
	return id, ok
}

func reason(t *testing.T, d stead.Decision, e stead.Effect, policy, fact string) {
	t.Helper()
	if !slices.ContainsFunc(d.Reasons, func(r stead.Reason) bool {
		return r.Effect == e && r.Policy == policy && strings.Contains(r.Fact, fact)
	}) {
		t.Errorf("no reason %s %s %q in %+v", e, policy, fact, d.Reasons)
	}
}

func TestDenyIsTheZeroValue(t *testing.T) {
	f := newFixture(t)
	f.user("ana", nil)
	f.hr()
	f.everyone()
	w := f.world()
	var zero stead.Decision
	if zero.Verdict != stead.Deny || zero.Rows.Extent != stead.Never {
		t.Error("the zero decision allows")
	}
	good := asker(t, w, "ana")
	expect(t, w.Decide(good, tableAt("hr"), stead.Read), "always")
	askers := map[string]func(*stead.Asker){
		"the zero asker":         func(a *stead.Asker) { *a = stead.Asker{} },
		"no subject":             func(a *stead.Asker) { a.Subject = stead.Subject{} },
		"no actor":               func(a *stead.Asker) { a.Actor = stead.Actor{} },
		"no basis":               func(a *stead.Asker) { a.Basis = "" },
		"an unknown basis":       func(a *stead.Asker) { a.Basis = "wish" },
		"no connection":          func(a *stead.Asker) { a.Connection = "" },
		"an unknown connection":  func(a *stead.Asker) { a.Connection = "sea" },
		"no time":                func(a *stead.Asker) { a.Time = time.Time{} },
		"another's name":         func(a *stead.Asker) { a.Subject.Name = "bo" },
		"an unknown subject":     func(a *stead.Asker) { a.Subject.Identity = 99 },
		"an unknown actor":       func(a *stead.Asker) { a.Actor.Identity = 99; a.Basis = stead.ByImpersonation },
		"a lease without lease":  func(a *stead.Asker) { a.Basis = stead.ByLease },
		"an unknown project":     func(a *stead.Asker) { a.Project = "nowhere" },
		"a login of nobody else": func(a *stead.Asker) { a.Actor.Identity = 0 },
	}
	for name, change := range askers {
		a := *good
		change(&a)
		for op := stead.UnknownOperation; op <= stead.Define+1; op++ {
			d := w.Decide(&a, tableAt("hr"), op)
			if d.Verdict != stead.Deny || d.Denial == nil || len(d.Columns) > 0 || d.Rows.Extent != stead.Never || d.Fingerprint != (stead.Fingerprint{}) {
				t.Errorf("%s may %s: %+v", name, op, d)
			}
		}
	}
	if d := w.Decide(nil, tableAt("hr"), stead.Read); d.Verdict != stead.Deny {
		t.Error("nobody is allowed")
	}
	if d := New().Decide(good, tableAt("hr"), stead.Read); d.Verdict != stead.Deny {
		t.Error("the empty world allows")
	}
}

func TestUnknownRefuses(t *testing.T) {
	f := newFixture(t)
	f.user("ana", nil)
	f.hr()
	f.everyone()
	w := f.world()
	a := asker(t, w, "ana")
	objects := map[string]stead.Object{
		"an unregistered table": tableAt("other"),
		"the zero object":       {},
		"an object of no kind":  {Connection: "lake", Path: []string{"demo", "hr"}},
		"a path":                {Connection: "lake", Kind: stead.PathObject, Path: []string{"demo", "hr"}},
		"a function":            {Connection: "lake", Kind: stead.FunctionObject, Path: []string{"demo", "hr"}},
		"a schema":              {Connection: "lake", Kind: stead.SchemaObject, Path: []string{"demo"}},
		"another connection":    {Connection: "sea", Kind: stead.TableObject, Path: []string{"demo", "hr"}},
		"another case":          {Connection: "lake", Kind: stead.TableObject, Path: []string{"demo", "HR"}},
	}
	for name, o := range objects {
		for op := stead.List; op <= stead.Define; op++ {
			if d := w.Decide(a, o, op); d.Verdict != stead.Deny {
				t.Errorf("%s: may %s", name, op)
			}
		}
	}
	for _, op := range []stead.Operation{stead.UnknownOperation, stead.Define + 1, 255} {
		if d := w.Decide(a, tableAt("hr"), op); d.Verdict != stead.Deny || d.Denial.Code != stead.Unsupported {
			t.Errorf("operation %d: %+v", op, d)
		}
	}
}

func TestHiddenLooksLikeNonexistent(t *testing.T) {
	f := newFixture(t)
	olga := f.user("olga", nil)
	f.user("ana", nil)
	f.hr(olga)
	f.source("drifted", []stead.Principal{olga}).State = stead.Drifted
	f.delta.Projects = []*stead.Project{{ID: 1, Key: "p", Members: []stead.Principal{{Kind: stead.GroupPrincipal, Name: stead.AllUsers}}}}
	w := f.world()
	for _, project := range []string{"", "p", "gone"} {
		a := asker(t, w, "ana")
		a.Project = project
		for op := stead.List; op <= stead.Define; op++ {
			want := w.Decide(a, tableAt("nothing"), op).Denial
			for _, name := range []string{"hr", "drifted"} {
				got := w.Decide(a, tableAt(name), op).Denial
				if strings.ReplaceAll(got.Error(), name, "nothing") != want.Error() || got.Code != want.Code {
					t.Errorf("%s in project %q: %v, but %v", op, project, got, want)
				}
			}
		}
	}
}

func TestSourceStates(t *testing.T) {
	for _, c := range []struct {
		state      stead.SourceState
		read, list string
	}{{stead.Active, "always", "always"}, {stead.Drifted, "denied denied", "always"},
		{stead.Disabled, "denied denied", "denied denied"}, {"", "denied denied", "denied denied"}} {
		f := newFixture(t)
		f.user("ana", nil)
		s := f.hr()
		s.State, s.Reason = c.state, "column id changed its type"
		f.everyone()
		w := f.world()
		expect(t, read(t, w, "ana"), c.read)
		expect(t, w.Decide(asker(t, w, "ana"), tableAt("hr"), stead.List), c.list)
		if d := read(t, w, "ana"); d.Verdict == stead.Deny && !strings.Contains(d.Denial.Message, s.Reason) {
			t.Errorf("the denial does not say why: %v", d.Denial)
		}
	}
}

func TestSwitchedOff(t *testing.T) {
	f := newFixture(t)
	f.user("ana", nil)
	f.user("bi", nil)
	f.hr()
	f.everyone()
	w := f.world()
	a := asker(t, w, "ana")
	a.Actor = asker(t, w, "bi").Actor
	a.Basis = stead.ByImpersonation
	expect(t, w.Decide(a, tableAt("hr"), stead.Read), "always")
	off := func(i int) Delta {
		x := *f.delta.Identities[i]
		x.Disabled = true
		return Delta{Revision: 2, Identities: []*stead.Identity{&x}}
	}
	expect(t, w.With(off(0)).Decide(a, tableAt("hr"), stead.Read), "denied denied")
	expect(t, w.With(off(1)).Decide(a, tableAt("hr"), stead.Read), "denied denied")
	c := *f.delta.Connections[0]
	c.Disabled = true
	expect(t, w.With(Delta{Connections: []*stead.Connection{&c}}).Decide(a, tableAt("hr"), stead.Read), "denied denied")
	expect(t, w.Decide(a, tableAt("hr"), stead.Read), "always")
}

func TestFingerprintFollowsWhatIsShown(t *testing.T) {
	f := newFixture(t)
	f.user("ana", stead.Attributes{"department": {"Sales"}})
	f.user("ben", stead.Attributes{"department": {"Sales"}, "other": {"x"}})
	f.user("cem", stead.Attributes{"department": {"Finance"}})
	dan := f.user("dan", stead.Attributes{"department": {"Sales"}})
	f.group("cleared", dan)
	s := f.hr()
	f.everyone()
	f.data("rows", byDepartment)
	f.data("ssn", hashSSN)
	w := f.world()
	ana := read(t, w, "ana").Fingerprint
	if ana == (stead.Fingerprint{}) || ana != read(t, w, "ben").Fingerprint {
		t.Error("the same view has two fingerprints")
	}
	for _, other := range []string{"cem", "dan"} {
		if ana == read(t, w, other).Fingerprint {
			t.Errorf("%s sees something else under the same fingerprint", other)
		}
	}
	changed := *s
	changed.Location = "elsewhere.parquet"
	if ana == read(t, w.With(Delta{Sources: []*stead.DataSource{&changed}}), "ana").Fingerprint {
		t.Error("a moved source keeps its fingerprint")
	}
	if ana != read(t, w.With(Delta{Revision: 9, Settings: []stead.Setting{{Name: "x", Value: "y"}}}), "ana").Fingerprint {
		t.Error("an unrelated change moved the fingerprint")
	}
}
