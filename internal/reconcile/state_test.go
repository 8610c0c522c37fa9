package reconcile

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
	"stead/internal/push/pushtest"
	"stead/internal/session"
	"stead/policy/eval"
	"stead/policy/expr"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

type silent struct{}

func (silent) Append(context.Context, stead.Record) error { return nil }

// trial holds a platform that is brought from state to state against decisions made by the same worlds.
type trial struct {
	t       *testing.T
	worlds  *pushtest.Worlds
	world   *decide.World
	state   *push.State
	model   *pushtest.Model
	session *session.Service
	told    map[string]int
}

func newTrial(t *testing.T, seed int64) *trial {
	x := &trial{t: t, worlds: pushtest.NewWorlds(seed), model: &pushtest.Model{}, told: map[string]int{}}
	x.world = x.worlds.World()
	x.session = session.New(session.Config{World: func() (session.World, error) { return x.world, nil }, Log: silent{}, Now: func() time.Time { return noon }})
	return x
}

// step changes the world, builds the state from the one before, and applies it.
func (x *trial) step(d decide.Delta) {
	x.t.Helper()
	x.world = x.world.With(d)
	state, err := Build(x.world, pushtest.Connection, x.state)
	if err != nil {
		x.t.Fatal(err)
	}
	x.state = state
	p, err := x.model.Plan(x.t.Context(), state, nil)
	if err == nil {
		err = x.model.Apply(x.t.Context(), p, nil)
	}
	if err != nil {
		x.t.Fatal(err)
	}
}

// sameState compares what states say, not their pointers.
func sameState(a, b *push.State) string {
	if !slices.Equal(a.Keys, b.Keys) {
		return fmt.Sprintf("keys %v and %v", a.Keys, b.Keys)
	}
	if !reflect.DeepEqual(a.Problems, b.Problems) || !reflect.DeepEqual(a.Settings, b.Settings) || a.Revision != b.Revision {
		return fmt.Sprintf("problems %v and %v", a.Problems, b.Problems)
	}
	for id, s := range a.Sources {
		if o := b.Sources[id]; o == nil || o.Digest != s.Digest {
			return fmt.Sprintf("source %d", id)
		}
	}
	if len(a.Sources) != len(b.Sources) || len(a.Sets) != len(b.Sets) {
		return fmt.Sprintf("%d sources, %d sets and %d sources, %d sets", len(a.Sources), len(a.Sets), len(b.Sources), len(b.Sets))
	}
	for id, s := range a.Sets {
		if o := b.Sets[id]; o == nil || !slices.Equal(o.Rows, s.Rows) {
			return fmt.Sprintf("set %v: %v and %v", id, s, o)
		}
	}
	return ""
}

// roles is whose login is whose, worked out apart from the state.
func (x *trial) roles() map[string]*stead.Identity {
	out, seen := map[string]*stead.Identity{}, map[string]int{}
	for _, i := range x.world.Identities() {
		role, ok := i.External[stead.PostgreSQL]
		if !ok {
			role = i.Name
		}
		if role != "none" {
			seen[role]++
			out[role] = i
		}
	}
	for role, n := range seen {
		if n > 1 {
			delete(out, role)
		}
	}
	return out
}

func (x *trial) compare() {
	x.t.Helper()
	inStead := []string{"", "u99"}
	for _, i := range x.world.Identities() {
		if i.IAM == stead.DefaultIAM {
			inStead = append(inStead, i.Name)
		} else {
			inStead = append(inStead, i.IAM+":"+i.Name)
		}
	}
	roles := x.roles()
	for _, role := range []string{"u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "role", "X y", "etl", "bi"} {
		for _, of := range inStead {
			for _, s := range x.world.Sources(pushtest.Connection) {
				x.ask(roles[role], role, of, s)
			}
		}
	}
}

func (x *trial) ask(i *stead.Identity, role, of string, s *stead.DataSource) {
	x.t.Helper()
	var rows []pushtest.Data
	decision, writes := stead.Decision{}, false
	own := i != nil && (of != "" || !slices.Contains(x.state.Settings.ImpersonateOnly, role))
	if own {
		q := session.Supposition{Login: session.Login{Actor: stead.Actor{Login: i.Name, Identity: i.ID}}, Connection: pushtest.Connection, InStead: of}
		if asker, _, err := x.session.Suppose(q); err == nil {
			decision = x.world.Decide(&asker, s.Object(), stead.Read)
			writes = x.world.Decide(&asker, s.Object(), stead.Insert).Verdict == stead.Allow
		}
	}
	if decision.Verdict == stead.Allow {
		rows = x.worlds.Rows(s, 3)
	}
	asked := pushtest.Asked{Login: role, InStead: of, Source: s.ID, At: noon}
	got, err := x.model.Ask(asked, rows)
	if err != nil {
		x.t.Fatal(err)
	}
	want := expected(x.t, decision, rows)
	x.told[kindOf(decision, of)]++
	if !reflect.DeepEqual(got, want) {
		x.t.Fatalf("%s in the stead of %q asks %v\ngot  %v\nwant %v\nof   %v\nby   %v %v\ncols %v\nrow  %s", role, of, s.Path, got, want, rows,
			decision.Rows, decision.Reasons, decision.Columns, expr.Print(x.state.Sources[s.ID].Rows))
	}
	if x.model.Writes(asked) != writes {
		x.t.Fatalf("%s in the stead of %q may write %v: %v by decision", role, of, s.Path, writes)
	}
}

func kindOf(d stead.Decision, of string) string {
	kind := []string{"never", "always", "when"}[d.Rows.Extent]
	if d.Verdict == stead.Deny {
		kind = "denied"
	}
	for i := range d.Columns {
		if d.Columns[i].Access == stead.ColumnMasked && kind != "denied" {
			kind += " masked"
			break
		}
	}
	if of != "" {
		kind += " in stead"
	}
	return kind
}

// expected is what a decision shows of the rows.
func expected(t *testing.T, d stead.Decision, rows []pushtest.Data) []pushtest.Data {
	t.Helper()
	if d.Verdict != stead.Allow {
		return nil
	}
	out := []pushtest.Data{}
	for _, row := range rows {
		value := func(n expr.Node) expr.Value {
			v, err := eval.Eval(n, func(c string) expr.Value { return row[c] }, eval.Env{Key: pushtest.Key})
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if d.Rows.Extent == stead.Never {
			continue
		}
		if d.Rows.Extent == stead.When {
			if v := value(d.Rows.When); !v.Valid || !v.Bool {
				continue
			}
		}
		shown := pushtest.Data{}
		for i := range d.Columns {
			switch c := &d.Columns[i]; c.Access {
			case stead.ColumnClear:
				shown[c.Name] = value(expr.Column{Name: c.Name, Typ: c.Type})
			case stead.ColumnMasked:
				shown[c.Name] = value(c.Mask)
			default:
				shown[c.Name] = expr.Null
			}
		}
		out = append(out, shown)
	}
	return out
}

// TestPlatformShowsWhatDecisionsShow changes worlds at random, brings a platform along by edits, and asks it everything for
// everybody, also in each other's stead: rows and values are those of the one decision function.
func TestPlatformShowsWhatDecisionsShow(t *testing.T) {
	told := map[string]int{}
	for seed := range int64(30) {
		x := newTrial(t, seed)
		for range 90 { // something to begin with
			x.world = x.world.With(x.worlds.Change())
		}
		for range 25 {
			x.step(x.worlds.Change())
			x.compare()
		}
		for k, n := range x.told {
			told[k] += n
		}
	}
	t.Log(told)
	for _, kind := range []string{"denied", "always", "when", "never", "always masked", "when masked", "always in stead", "when masked in stead"} {
		if told[kind] < 50 {
			t.Errorf("only %d answers of the kind %q: the test proves little", told[kind], kind)
		}
	}
}

// TestBuildOnStateIsBuildFromNothing holds states built from the one before against states built anew.
func TestBuildOnStateIsBuildFromNothing(t *testing.T) {
	for seed := range int64(40) {
		x := newTrial(t, 1000+seed)
		for step := range 100 {
			d := x.worlds.Change()
			before := x.state
			x.step(d)
			whole, err := Build(x.world, pushtest.Connection, nil)
			if err != nil {
				t.Fatal(err)
			}
			if differs := sameState(x.state, whole); differs != "" {
				t.Fatalf("seed %d step %d: %s after %+v", seed, step, differs, d)
			}
			if before == nil {
				continue
			}
			for id, set := range x.state.Sets {
				if was := before.Sets[id]; was != nil && was != set && slices.Equal(was.Rows, set.Rows) {
					t.Fatalf("seed %d step %d: %v is new and the same", seed, step, id)
				}
			}
			if drift, err := x.model.Verify(t.Context(), x.state); err != nil || len(drift) > 0 {
				t.Fatalf("drift %v, %v", drift, err)
			}
		}
	}
}
