package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stead"
	"stead/internal/push"
)

func sources(digests ...byte) map[stead.SourceID]byte {
	out := map[stead.SourceID]byte{}
	for i, d := range digests {
		out[stead.SourceID(i+1)] = d
	}
	return out
}

func bubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

func TestNothingIsBootstrappedUnasked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := newScene(t)
		c.put(1, spec{sources: sources(1), members: []string{"ana"}})
		p := c.start(nil)
		defer p.end()
		p.to(1)
		p.phase(Pending)
		if err := p.Apply(t.Context(), "c0", false); stead.CodeOf(err) != stead.Conflict || !strings.Contains(err.Error(), "bootstrap") {
			t.Error(err)
		}
		if s := c.servers["a"].steps(); len(s) != 0 {
			t.Fatalf("something was done: %v", s)
		}
		if err := p.Apply(t.Context(), "c0", true); err != nil {
			t.Fatal(err)
		}
		s := p.phase(Current)
		if s.Applied != 1 || s.World != 1 || c.servers["a"].object(1) != 1 || !c.servers["a"].has(push.Members, "all", "ana", "r") {
			t.Errorf("%+v", s)
		}
		if r := c.recorded("apply"); len(r) != 1 || r[0].Connection != "c0" || r[0].Revision != 1 || !strings.Contains(r[0].Details, "bootstrap 1") {
			t.Errorf("%+v", r)
		}
	})
}

func TestChangesAreInEffectAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1), members: []string{"ana", "bob"}})
		defer p.end()
		began := time.Now()
		c.put(2, spec{sources: sources(1), members: []string{"bob"}})
		p.to(2)
		if s := p.phase(Current); s.Applied != 2 || c.servers["a"].has(push.Members, "all", "ana", "r") {
			t.Errorf("a row: %+v", s)
		}
		c.put(3, spec{sources: sources(2, 1), members: []string{"bob"}})
		p.to(3)
		if s := p.phase(Current); s.Applied != 3 || c.servers["a"].object(1) != 2 || c.servers["a"].object(2) != 1 {
			t.Errorf("objects: %+v", s)
		}
		c.put(4, spec{sources: sources(2, 1), members: []string{"bob"}}) // a change elsewhere
		n := len(c.servers["a"].steps())
		p.to(4)
		if s := p.phase(Current); s.Applied != 4 || len(c.servers["a"].steps()) != n {
			t.Errorf("nothing changed: %+v", s)
		}
		if !time.Now().Equal(began) {
			t.Errorf("it waited %s for something", time.Since(began))
		}
	})
}

// TestKilledAtEveryStep fails each step of a plan in turn, as if the platform went away there.
func TestKilledAtEveryStep(t *testing.T) {
	for n := range 4 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c, p := started(t, spec{sources: sources(1, 1, 1), members: []string{"ana", "bob"}})
				defer p.end()
				srv, at, failures := c.servers["a"], 0, 0
				srv.change(func() {
					srv.step = func(context.Context, *push.Step) error {
						if at++; at == n+1 {
							failures++
							return stead.Errorf(stead.Unavailable, "the server was killed")
						}
						return nil
					}
				})
				c.put(2, spec{sources: sources(2, 2, 2), members: []string{"bob", "cy"}})
				p.to(2)
				s := p.phase(Failing)
				if s.Retry == nil || s.Error == "" || s.Applied != 1 {
					t.Errorf("%+v", s)
				}
				if n > 0 && srv.has(push.Members, "all", "ana", "r") {
					t.Error("what was withdrawn is still there")
				}
				time.Sleep(2 * time.Second)
				s = p.phase(Current)
				if s.Applied != 2 || failures != 1 || srv.object(3) != 2 || !srv.has(push.Members, "all", "cy", "r") || !srv.has(push.Served, "3", "all", "t") {
					t.Errorf("%+v %d", s, failures)
				}
			})
		})
	}
}

func TestPlatformThatHangsIsCut(t *testing.T) {
	for _, where := range []string{"plan", "step"} {
		t.Run(where, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c, p := started(t, spec{sources: sources(1), members: []string{"ana"}})
				defer p.end()
				srv, hang := c.servers["a"], make(chan struct{})
				srv.change(func() {
					if where == "plan" {
						srv.hang = hang
						return
					}
					srv.step = func(context.Context, *push.Step) error { <-hang; return nil }
				})
				c.put(2, spec{sources: sources(2)})
				p.to(2)
				time.Sleep(65*time.Second + 500*time.Millisecond)
				if s := p.phase(Failing); !strings.Contains(s.Error, "does not answer") {
					t.Errorf("%+v", s)
				}
				srv.change(func() { srv.hang, srv.step = nil, nil })
				close(hang)
				time.Sleep(5 * time.Second)
				if s := p.phase(Current); s.Applied != 2 || srv.object(1) != 2 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// TestRevocationGoesFirst withdraws a right while objects are being edited slowly.
func TestRevocationGoesFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		many := make([]byte, 20)
		for i := range many {
			many[i] = 1
		}
		c, p := started(t, spec{sources: sources(many...), members: []string{"ana", "bob"}})
		defer p.end()
		srv := c.servers["a"]
		srv.change(func() {
			srv.step = func(ctx context.Context, s *push.Step) error {
				if s.Kind != push.ObjectEdit {
					return nil
				}
				select {
				case <-time.After(2 * time.Second):
					return nil
				case <-ctx.Done():
					return stead.Errorf(stead.Canceled, "stopped")
				}
			}
		})
		for i := range many {
			many[i] = 2
		}
		c.put(2, spec{sources: sources(many...), members: []string{"ana", "bob"}})
		p.to(2)
		time.Sleep(5 * time.Second)
		if s := p.phase(Applying); s.Done == 0 || s.Total != 20 || s.Step == "" {
			t.Errorf("%+v", s)
		}
		c.put(3, spec{sources: sources(many...), members: []string{"bob"}})
		p.to(3)
		time.Sleep(900 * time.Millisecond)
		if srv.has(push.Members, "all", "ana", "r") {
			t.Error("ana was withdrawn nearly a second ago")
		}
		c.put(4, spec{sources: sources(many...), members: []string{"bob"}, off: true})
		p.to(4)
		time.Sleep(900 * time.Millisecond)
		if !srv.has(push.Switches, "off") {
			t.Error("the connection was switched off nearly a second ago")
		}
		time.Sleep(time.Minute)
		if s := p.phase(Off); s.Applied != 4 || srv.object(20) != 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestRightsAreGivenBetweenSteps(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1, 1, 1)})
		defer p.end()
		srv, cut := c.servers["a"], 0
		srv.change(func() {
			srv.step = func(ctx context.Context, s *push.Step) error {
				if s.Kind != push.ObjectEdit {
					return nil
				}
				select {
				case <-time.After(5 * time.Second):
					return nil
				case <-ctx.Done():
					cut++
					return stead.Errorf(stead.Canceled, "stopped")
				}
			}
		})
		c.put(2, spec{sources: sources(2, 2, 2)})
		p.to(2)
		time.Sleep(time.Second)
		c.put(3, spec{sources: sources(2, 2, 2), members: []string{"ana"}})
		p.to(3)
		time.Sleep(time.Minute)
		if s := p.phase(Current); s.Applied != 3 || !srv.has(push.Members, "all", "ana", "r") || cut > 1 {
			t.Errorf("%+v; %d steps were cut", s, cut)
		}
	})
}

func TestTableThatCannotBeEditedIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1, 1, 1), members: []string{"ana", "bob"}})
		defer p.end()
		srv := c.servers["a"]
		srv.change(func() {
			srv.step = func(_ context.Context, s *push.Step) error {
				if s.Kind == push.ObjectEdit && s.Source == 2 {
					return &push.StepError{Step: s, Err: stead.Errorf(stead.Internal, "the table has a foreign policy")}
				}
				return nil
			}
		})
		c.put(2, spec{sources: sources(2, 2, 2), members: []string{"ana", "bob"}})
		p.to(2)
		s := p.phase(Failing)
		if len(s.Held) != 1 || s.Held[0].Source != 2 || s.Retry == nil || s.Applied != 1 {
			t.Errorf("%+v", s)
		}
		if srv.has(push.Served, "2", "all", "t") || !srv.has(push.Served, "2", "all", "f") || !srv.has(push.Served, "1", "all", "t") || srv.object(3) != 2 {
			t.Errorf("the table is open, or others wait for it: %v", srv.steps())
		}
		c.put(3, spec{sources: sources(2, 2, 2), members: []string{"bob"}})
		p.to(3)
		p.phase(Failing)
		if srv.has(push.Members, "all", "ana", "r") {
			t.Error("the withdrawal waits")
		}
		if err := p.Apply(t.Context(), "c0", false); stead.CodeOf(err) != stead.Conflict || !strings.Contains(err.Error(), "foreign policy") {
			t.Error(err)
		}
		srv.change(func() { srv.step = nil })
		time.Sleep(2 * time.Minute)
		if s := p.phase(Current); s.Applied != 3 || len(s.Held) != 0 || !srv.has(push.Served, "2", "all", "t") || srv.object(2) != 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestBusyTableIsTriedTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1, 1), members: []string{"ana"}})
		defer p.end()
		srv := c.servers["a"]
		srv.change(func() {
			srv.step = func(_ context.Context, s *push.Step) error {
				if s.Kind == push.ObjectEdit && s.Source == 1 {
					return &push.StepError{Step: s, Err: stead.Errorf(stead.Unavailable, "the table is locked")}
				}
				return nil
			}
		})
		c.put(2, spec{sources: sources(2, 2), members: []string{"ana"}})
		p.to(2)
		if s := p.phase(Failing); len(s.Held) != 0 {
			t.Errorf("closed at the first failure: %+v", s)
		}
		time.Sleep(2 * time.Second)
		if s := p.phase(Failing); len(s.Held) != 1 || srv.object(2) != 2 {
			t.Errorf("%+v", s)
		}
		srv.change(func() { srv.step = nil })
		time.Sleep(time.Minute)
		p.phase(Current)
	})
}

func TestBlockedTableIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1, 1), members: []string{"ana"}})
		defer p.end()
		srv := c.servers["a"]
		srv.change(func() { srv.blocked = 1 })
		c.put(2, spec{sources: sources(2, 2), members: []string{"ana"}})
		p.to(2)
		if s := p.phase(Failing); len(s.Held) != 1 || s.Held[0].Reason != "it is a foreign table" || !srv.has(push.Served, "1", "all", "f") || srv.object(2) != 2 {
			t.Errorf("%+v", s)
		}
		srv.change(func() { srv.blocked = 0 })
		if err := p.Apply(t.Context(), "c0", false); err != nil {
			t.Fatal(err)
		}
		p.phase(Current)
	})
}

func TestManual(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1, 1), members: []string{"ana", "bob"}, manual: true})
		defer func() { p.end() }()
		srv := c.servers["a"]
		c.put(2, spec{sources: sources(2, 1), members: []string{"ana", "bob", "cy"}, manual: true})
		p.to(2)
		s := p.phase(Pending)
		if len(s.Held) != 1 || s.Held[0].Source != 1 || srv.object(1) != 1 || !srv.has(push.Served, "1", "all", "f") || !srv.has(push.Members, "all", "cy", "r") {
			t.Errorf("%+v %v", s, srv.steps())
		}
		// A process that begins now knows nothing of what was applied.
		p.end()
		p = c.start(nil)
		c.put(3, spec{sources: sources(2, 1), members: []string{"bob"}, manual: true})
		p.to(3)
		p.phase(Pending)
		if srv.has(push.Members, "all", "ana", "r") || srv.object(1) != 1 || !srv.has(push.Served, "1", "all", "f") {
			t.Error("after a restart: ", srv.steps())
		}
		// Taken back, it needs nobody.
		c.put(4, spec{sources: sources(1, 1), members: []string{"bob"}, manual: true})
		p.to(4)
		synctest.Wait()
		c.put(5, spec{sources: map[stead.SourceID]byte{1: 3}, members: []string{"bob"}, manual: true})
		p.to(5)
		if s := p.phase(Pending); len(s.Held) != 2 || srv.object(2) != 1 || srv.has(push.Served, "2", "all", "t") {
			t.Errorf("released: %+v", s)
		}
		if err := p.Apply(t.Context(), "c0", false); err != nil {
			t.Fatal(err)
		}
		if s := p.phase(Current); s.Applied != 5 || srv.object(1) != 3 || srv.object(2) != 0 || !srv.has(push.Served, "1", "all", "t") {
			t.Errorf("%+v", s)
		}
	})
}

func TestManualChangeTakenBackNeedsNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1), manual: true})
		defer p.end()
		c.put(2, spec{sources: sources(2), manual: true})
		p.to(2)
		p.phase(Pending)
		c.put(3, spec{sources: sources(1), manual: true})
		p.to(3)
		if s := p.phase(Current); s.Applied != 3 || !c.servers["a"].has(push.Served, "1", "all", "t") {
			t.Errorf("%+v", s)
		}
	})
}

func TestReplicas(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1), members: []string{"ana"}})
		defer p.end()
		q := c.start(nil)
		defer q.end()
		q.to(1)
		q.phase(Current)
		for r := stead.Revision(2); r < 20; r++ {
			c.put(r, spec{sources: sources(byte(r), byte(r/2)), members: []string{"ana", fmt.Sprint("m", r)}})
			p.to(r)
			q.to(r)
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		if a, b := p.phase(Current), q.phase(Current); a.Applied != 19 || b.Applied != 19 || c.servers["a"].object(1) != 19 {
			t.Errorf("%+v %+v", a, b)
		}
	})
}

// TestReplicaThatLagsUndoesNothing begins with an older world than the platform holds.
func TestReplicaThatLagsUndoesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1), members: []string{"ana"}})
		defer p.end()
		c.put(2, spec{sources: sources(1)})
		p.to(2)
		p.phase(Current)
		q := c.start(nil)
		defer q.end()
		q.to(1)
		q.phase(Failing)
		time.Sleep(time.Minute)
		if c.servers["a"].has(push.Members, "all", "ana", "r") {
			t.Error("a withdrawal was undone")
		}
		q.to(2)
		q.phase(Current)
	})
}

func TestFlapping(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1), members: []string{"ana"}})
		defer p.end()
		for r := stead.Revision(2); r <= 300; r++ {
			s := spec{sources: sources(1), members: []string{"bob"}}
			if r%2 == 0 {
				s = spec{sources: sources(2), members: []string{"ana"}, off: r%7 == 0}
			}
			c.put(r, s)
			p.to(r)
		}
		if s := p.phase(Current); s.Applied != 300 || c.servers["a"].object(1) != 2 || c.servers["a"].has(push.Members, "all", "bob", "r") {
			t.Errorf("%+v", s)
		}
	})
}

func TestFiftyConnections(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := newScene(t)
		all := map[string]spec{}
		for i := range 50 {
			all[fmt.Sprint("c", i)] = spec{sources: sources(1), address: fmt.Sprint("host", i)}
			if i != 7 { // one is away
				c.servers[fmt.Sprint("host", i)] = newServer()
			}
		}
		c.puts(1, all)
		p := c.start(nil)
		defer p.end()
		p.to(1)
		synctest.Wait()
		for key := range all {
			if err := p.Apply(t.Context(), key, true); (err != nil) != (key == "c7") {
				t.Error(key, err)
			}
		}
		for _, s := range p.Statuses() {
			if want := s.Connection != "c7"; (s.Phase == Current) != want {
				t.Errorf("%+v", s)
			}
		}
	})
}

func TestWorldThatIsTooOldChangesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1), members: []string{"ana"}})
		defer p.end()
		n := len(c.servers["a"].steps())
		p.away(stead.Errorf(stead.Unavailable, "the store has been away for too long"))
		time.Sleep(2 * time.Second)
		if s := p.phase(Failing); !strings.Contains(s.Error, "away") || s.Applied != 1 {
			t.Errorf("%+v", s)
		}
		if err := p.Apply(t.Context(), "c0", true); stead.CodeOf(err) != stead.Unavailable {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if s := c.servers["a"].steps(); len(s) != n {
			t.Error(s)
		}
		p.away(nil)
		time.Sleep(2 * time.Second)
		p.phase(Current)
	})
}

func TestDeletedConnectionIsLeftClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1), members: []string{"ana"}})
		defer p.end()
		srv := c.servers["a"]
		srv.change(func() {
			srv.step = func(context.Context, *push.Step) error { return stead.Errorf(stead.Unavailable, "away") }
		})
		c.puts(2, nil)
		p.to(2)
		p.phase(Failing)
		srv.change(func() { srv.step = nil })
		time.Sleep(2 * time.Second)
		if s := p.phase(Off); !strings.Contains(s.Error, "deleted") || !srv.has(push.Switches, "off") || srv.object(1) != 1 || srv.has(push.Served, "1", "all", "t") {
			t.Errorf("%+v %v", s, srv.steps())
		}
		if _, err := p.Plan(t.Context(), "c0"); stead.CodeOf(err) != stead.NotFound {
			t.Error(err)
		}
		c.put(3, spec{sources: sources(1), members: []string{"ana"}})
		p.to(3)
		if p.phase(Current); srv.has(push.Switches, "off") {
			t.Error("made again, it is still off")
		}
	})
}

// TestDeletedWithItsSources deletes a table and its connection before the table could be released.
func TestDeletedWithItsSources(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1), members: []string{"ana"}})
		defer p.end()
		srv := c.servers["a"]
		srv.change(func() {
			srv.step = func(_ context.Context, s *push.Step) error {
				if s.Kind == push.Release {
					return stead.Errorf(stead.Unavailable, "away")
				}
				return nil
			}
		})
		c.put(2, spec{})
		p.to(2)
		p.phase(Failing)
		c.puts(3, nil)
		p.to(3)
		if p.phase(Off); srv.object(1) != 1 || !srv.has(push.Switches, "off") {
			t.Error(srv.steps())
		}
	})
}

func TestFormerAddressIsLeftClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1), members: []string{"ana"}})
		defer p.end()
		c.servers["b"] = newServer()
		c.put(2, spec{sources: sources(1), members: []string{"ana"}, address: "b"})
		p.to(2)
		p.phase(Pending)
		if !c.servers["a"].has(push.Switches, "off") || len(c.servers["b"].steps()) > 0 {
			t.Error("a", c.servers["a"].steps(), "b", c.servers["b"].steps())
		}
	})
}

func TestStepThatHasBegunIsFinishedAtTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1, 1)})
		srv := c.servers["a"]
		srv.change(func() {
			srv.step = func(ctx context.Context, _ *push.Step) error {
				select {
				case <-time.After(3 * time.Second):
				case <-ctx.Done():
					return ctx.Err()
				}
				return nil
			}
		})
		c.put(2, spec{sources: sources(2, 2)})
		p.to(2)
		synctest.Wait()
		answered := make(chan error, 1)
		go func() { answered <- p.Apply(context.Background(), "c0", false) }()
		synctest.Wait()
		p.end()
		if err := <-answered; stead.CodeOf(err) != stead.Unavailable {
			t.Error(err)
		}
		if srv.object(1) != 2 || srv.object(2) != 1 {
			t.Error(srv.steps())
		}
		if r := c.recorded("apply"); r[len(r)-1].Status != stead.Success || !strings.Contains(r[len(r)-1].Details, "1 of 2 steps, as the server was stopped") {
			t.Errorf("%+v", r)
		}
	})
}

func TestRecordsWaitForTheDisk(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1)})
		defer p.end()
		c.mu.Lock()
		c.noDisk = true
		c.mu.Unlock()
		c.put(2, spec{sources: sources(2)})
		p.to(2)
		p.phase(Current)
		c.mu.Lock()
		c.noDisk = false
		c.mu.Unlock()
		c.put(3, spec{sources: sources(2)})
		p.to(3)
		p.phase(Current)
		if r := c.recorded("apply"); len(r) != 2 || r[1].Revision != 2 {
			t.Errorf("%+v", r)
		}
	})
}

func TestPlanAndScriptChangeNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1)})
		defer p.end()
		n := len(c.servers["a"].steps())
		plan, err := p.Plan(t.Context(), "c0")
		if err != nil || len(plan.Steps) != 0 {
			t.Error(plan, err)
		}
		if script, err := p.Script(t.Context(), "c0"); err != nil || script != "-- script\n" {
			t.Error(script, err)
		}
		c.servers["b"] = newServer()
		plan, script, err := p.Preview(t.Context(), stead.Connection{Key: "c9", Platform: stead.PostgreSQL, Address: "b"})
		if err != nil || script == "" || !slices.ContainsFunc(plan.Steps, func(s push.Step) bool { return s.Kind == push.Bootstrap }) {
			t.Error(plan, script, err)
		}
		if len(c.servers["a"].steps()) != n || len(c.servers["b"].steps()) != 0 {
			t.Error("something was done")
		}
		for _, key := range []string{"none"} {
			if _, err := p.Plan(t.Context(), key); stead.CodeOf(err) != stead.NotFound {
				t.Error(err)
			}
		}
		if _, _, err := p.Preview(t.Context(), stead.Connection{Key: "c9", Platform: stead.Embedded}); stead.CodeOf(err) != stead.Unsupported {
			t.Error(err)
		}
	})
}
