package decide_test

import (
	"reflect"
	"testing"
	"time"

	"stead"
	"stead/internal/decide"
	"stead/internal/push/pushtest"
	"stead/internal/session"
	"stead/policy/eval"
	"stead/policy/expr"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// TestOutlineFoldsToTheDecision is promise 3 for platforms that look the subject up: for everybody and every data source, the
// outline folded with the subject's facts, with who reaches the source and what a project limits, is the decision.
func TestOutlineFoldsToTheDecision(t *testing.T) {
	compared := map[stead.Extent]int{}
	for seed := range int64(60) {
		worlds := pushtest.NewWorlds(5000 + seed)
		w := worlds.World()
		for step := range 120 {
			w = w.With(worlds.Change())
			if step < 60 || step%10 > 0 {
				continue
			}
			c, _ := w.Connection(pushtest.Connection)
			for _, i := range w.Identities() {
				a, ok := session.Stored(w, i.ID)
				a.Connection, a.Time = pushtest.Connection, noon
				for _, s := range w.Sources(pushtest.Connection) {
					if !ok || c.Disabled {
						continue
					}
					outlineIs(t, w, &a, s, worlds.Rows(s, 4), compared)
				}
			}
		}
	}
	for e, least := range map[stead.Extent]int{stead.Never: 500, stead.Always: 500, stead.When: 100} {
		if compared[e] < least {
			t.Errorf("only %d decisions of extent %d were compared: the test proves little", compared[e], e)
		}
	}
}

func outlineIs(t *testing.T, w *decide.World, a *stead.Asker, s *stead.DataSource, rows []pushtest.Data, compared map[stead.Extent]int) {
	t.Helper()
	d, write := w.Decide(a, s.Object(), stead.Read), w.Decide(a, s.Object(), stead.Insert)
	outline, _ := w.Outline(s.Object())
	r, err := w.Reach(a)
	access := stead.Access("")
	if err == nil && outline.Refused == "" && (!r.Limited() || r.Within(s.Object())) {
		access = r.Access(s.Object())
	}
	if (access != "") != (d.Verdict == stead.Allow) || (access == stead.WriteAccess) != (write.Verdict == stead.Allow) {
		t.Fatalf("%s reaches %v: %q, by decision %v %v", a.Subject.Name, s.Path, access, d.Denial, d.Reasons)
	}
	if d.Verdict != stead.Allow {
		return
	}
	compared[d.Rows.Extent]++
	key := func(id string) (string, error) {
		if id == "shared/"+keyNumber(s) {
			id = "source/" + keyNumber(s)
			if k := r.Key(); k != "" {
				id = k
			}
		}
		return pushtest.Key(id)
	}
	for _, row := range rows {
		value := func(n expr.Node, facts *expr.Facts) expr.Value {
			v, err := eval.Eval(n, func(c string) expr.Value { return row[c] }, eval.Env{Facts: facts, Key: key})
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		facts := r.Facts()
		facts.NowMicros = noon.UnixMicro()
		got, want := value(outline.Condition(), facts), d.Rows.Extent == stead.Always
		if d.Rows.Extent == stead.When {
			v := value(d.Rows.When, nil)
			want = v.Valid && v.Bool
		}
		if folded := value(expr.Fold(outline.Condition(), facts), nil); !reflect.DeepEqual(folded, got) {
			t.Fatalf("folding changed %s", expr.Print(outline.Condition()))
		}
		if (got.Valid && got.Bool) != want {
			t.Fatalf("%s sees %v of %v: %v, by decision %v\n%s", a.Subject.Name, row, s.Path, got, want, expr.Print(outline.Condition()))
		}
		for i := range d.Columns {
			c := &d.Columns[i]
			var shown expr.Node = expr.Column{Name: c.Name, Typ: c.Type}
			if c.Access == stead.ColumnMasked {
				shown = c.Mask
			}
			if got, want := value(outline.Shown(i), facts), value(shown, nil); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s sees %s of %v as %v, by decision %v\n%s\n%s", a.Subject.Name, c.Name, s.Path, got, want, expr.Print(outline.Shown(i)), expr.Print(shown))
			}
			if !reflect.DeepEqual(outline.Shown(i).Type(), c.Type) {
				t.Fatalf("column %s is shown as %v, not %v", c.Name, outline.Shown(i).Type(), c.Type)
			}
		}
	}
}

func keyNumber(s *stead.DataSource) string { return expr.Print(expr.IntLit(int64(s.ID))) }
