package decide

import (
	"sync"
	"testing"

	"stead"
)

// Worlds are asked and changed at the same time; what an older world still works out must not reach a newer one.
func TestConcurrentUse(t *testing.T) {
	f := newFixture(t)
	f.user("ana", nil)
	f.hr()
	f.everyone()
	mask := f.data("p", maskOn(byPII, null, ""))
	w := f.world()
	with := w
	without := w.With(Delta{Revision: 2, DeletedPolicies: []int64{mask.ID}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				again := without.With(Delta{Revision: 3, Policies: f.delta.Policies[1:]})
				for _, c := range []struct {
					w    *World
					want string
				}{{with, "always; ssn null; name null"}, {without, "always"}, {again, "always; ssn null; name null"}} {
					expect(t, c.w.Decide(asker(t, c.w, "ana"), tableAt("hr"), stead.Read), c.want)
				}
			}
		})
	}
	wg.Wait()
}
