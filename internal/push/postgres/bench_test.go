package postgres

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stead"
	"stead/internal/push"
	"stead/policy/expr"
)

// BenchmarkTables prints what 2,000 tables take: the first push, looking for drift, a policy edit of all of them, a row edit.
func BenchmarkTables(b *testing.B) {
	const n = 2000
	var sql strings.Builder
	sql.WriteString("CREATE SCHEMA big;")
	w := hrWorld()
	w.sources, w.keys = nil, nil
	for i := range n {
		fmt.Fprintf(&sql, "CREATE TABLE big.t%d(dept text, ssn text);", i)
		src := plain(stead.SourceID(100+i), "big", fmt.Sprintf("t%d", i), "dept", "ssn")
		if i%2 == 0 {
			src = masked(src, 1)
		}
		w.sources = append(w.sources, src)
	}
	for b.Loop() {
		b.StopTimer()
		s := newSite(b, nil, sql.String())
		first := w.state(s)
		b.StartTimer()
		timed := func(what string, f func()) {
			began := time.Now()
			f()
			b.ReportMetric(float64(time.Since(began).Milliseconds()), what+"-ms")
		}
		var plan *push.Plan
		timed("plan", func() { plan = s.plan(first, nil) })
		timed("push", func() {
			if err := s.p.Apply(b.Context(), plan, nil); err != nil {
				b.Fatal(err)
			}
		})
		timed("verify", func() {
			if drift, err := s.p.Verify(b.Context(), first); err != nil || len(drift) > 0 {
				b.Fatal(err, drift)
			}
		})
		w.depts["bob"] = []string{"d1"}
		second := w.state(s)
		timed("row-edit", func() { s.apply(second, first) })
		for i, src := range w.sources {
			next := *src
			next.Rows = mustCall(expr.And, src.Rows, expr.True)
			w.sources[i] = digested(&next)
		}
		third := w.state(s)
		timed("object-edits", func() { s.apply(third, second) })
	}
}
