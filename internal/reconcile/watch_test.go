package reconcile

import (
	"testing"
	"time"

	"stead/internal/push"
)

func TestDrift(t *testing.T) {
	for _, policy := range []push.DriftPolicy{push.RepairDrift, push.RefuseDrift, push.ReportDrift} {
		t.Run(string(policy), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c, p := started(t, spec{sources: sources(1, 1), members: []string{"ana"}, drift: policy})
				defer p.end()
				srv := c.servers["a"]
				srv.change(func() { srv.objects[1] = [32]byte{9} })
				time.Sleep(5 * time.Minute)
				s := p.phase(Current)
				if s.Verified == nil || len(c.recorded("drift")) == 0 {
					t.Errorf("%+v", s)
				}
				c.mu.Lock()
				marked := len(c.marked)
				c.mu.Unlock()
				repaired, told := srv.object(1) == 1, len(s.Drift) == 1
				want := map[push.DriftPolicy][3]bool{push.RepairDrift: {true, false, false}, push.RefuseDrift: {false, true, true}, push.ReportDrift: {false, false, true}}
				if got := [3]bool{repaired, marked > 0, told}; got != want[policy] {
					t.Errorf("repaired, marked, told: %v", got)
				}
				n := len(c.recorded("drift"))
				time.Sleep(15 * time.Minute)
				if policy != push.RepairDrift && len(c.recorded("drift")) != n {
					t.Error("the same drift was recorded again")
				}
			})
		})
	}
}

func TestWhatCannotBeRepairedIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1, 1)})
		defer p.end()
		srv := c.servers["a"]
		srv.change(func() {
			srv.drift = func() []push.Drift {
				return []push.Drift{{Kind: push.Columns, Source: 2, Object: "hr.t2", What: "column pay is text now"}}
			}
		})
		found, err := p.Verify(t.Context(), "c0")
		if err != nil || len(found) != 1 {
			t.Error(found, err)
		}
		if len(c.marked) != 1 || c.marked[0] != "c0:hr.t2 column pay is text now" {
			t.Error(c.marked)
		}
	})
}

// TestWhatIsOnlyToldTakesNothingAway: it stands in the status, whatever the setting says, and nobody does anything about it.
func TestWhatIsOnlyToldTakesNothingAway(t *testing.T) {
	for _, policy := range []push.DriftPolicy{push.RepairDrift, push.RefuseDrift, push.ReportDrift} {
		bubble(t, func(t *testing.T) {
			c, p := started(t, spec{sources: sources(1, 1), members: []string{"ana"}, drift: policy})
			defer p.end()
			srv := c.servers["a"]
			srv.change(func() {
				srv.drift = func() []push.Drift {
					return []push.Drift{{Kind: push.Columns, Source: 1, Object: "hr.t1", What: "column pay is not registered", Note: true}}
				}
			})
			before := len(srv.steps())
			time.Sleep(16 * time.Minute)
			if s := p.phase(Current); len(s.Drift) != 1 || len(s.Held) != 0 || s.Retry != nil {
				t.Errorf("%s: %+v", policy, s)
			}
			if found, err := p.Verify(t.Context(), "c0"); err != nil || len(found) != 1 {
				t.Error(policy, found, err)
			}
			if len(c.marked) > 0 || len(srv.steps()) != before || len(c.recorded("drift")) != 1 {
				t.Errorf("%s: marked %v, steps %v, records %d", policy, c.marked, srv.steps()[before:], len(c.recorded("drift")))
			}
		})
	}
}

// TestPlatformThatLies says that objects were edited that were not: the table is closed by its row.
func TestPlatformThatLies(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1, 1), members: []string{"ana"}})
		defer p.end()
		srv := c.servers["a"]
		srv.change(func() { srv.lies = true })
		c.put(2, spec{sources: sources(2, 1), members: []string{"ana"}})
		p.to(2)
		s := p.phase(Failing)
		if len(s.Held) != 1 || s.Held[0].Source != 1 || !srv.has(push.Served, "1", "all", "f") || len(s.Drift) != 1 {
			t.Errorf("%+v %v", s, srv.steps())
		}
		time.Sleep(time.Hour)
		p.phase(Failing)
		srv.change(func() { srv.lies = false })
		time.Sleep(2 * time.Minute)
		if s := p.phase(Current); s.Applied != 2 || srv.object(1) != 2 || !srv.has(push.Served, "1", "all", "t") || len(s.Drift) != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestDriftThatIsHandMadeIsHeldWhenManual(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1, 1), members: []string{"ana"}, manual: true})
		defer p.end()
		srv := c.servers["a"]
		srv.change(func() { srv.objects[1] = [32]byte{9} })
		time.Sleep(5 * time.Minute)
		if s := p.phase(Pending); len(s.Held) != 1 || srv.object(1) != 9 || !srv.has(push.Served, "1", "all", "f") {
			t.Errorf("%+v", s)
		}
		if err := p.Apply(t.Context(), "c0", false); err != nil || srv.object(1) != 1 {
			t.Error(err)
		}
		p.phase(Current)
	})
}
