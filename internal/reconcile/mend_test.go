package reconcile

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stead"
	"stead/internal/push"
)

// TestRowsDoNotWaitForOwnObjects withdraws rights while an upgrade of stead's own objects waits to be applied.
func TestRowsDoNotWaitForOwnObjects(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1, 1), members: []string{"ana", "bob"}, manual: true})
		srv := c.servers["a"]
		p.end()
		srv.change(func() { srv.outdated = true })
		p = c.start(nil)
		defer func() { p.end() }()
		c.put(2, spec{sources: sources(2, 1), members: []string{"bob"}, manual: true})
		p.to(2)
		if s := p.phase(Pending); srv.has(push.Members, "all", "ana", "r") || !strings.Contains(s.Error, "own objects") || !srv.has(push.Served, "1", "all", "f") {
			t.Errorf("%+v %v", s, srv.steps())
		}
		c.put(3, spec{sources: sources(2, 1), members: []string{"bob"}, manual: true, off: true})
		p.to(3)
		if s := p.phase(Pending); !srv.has(push.Switches, "off") || !srv.outdated {
			t.Errorf("%+v %v", s, srv.steps())
		}
		time.Sleep(time.Hour)
		p.phase(Pending)
		c.put(4, spec{sources: sources(2, 1), members: []string{"bob"}, manual: true})
		p.to(4)
		p.phase(Pending)
		if err := p.Apply(t.Context(), "c0", false); err != nil {
			t.Fatal(err)
		}
		if s := p.phase(Current); srv.outdated || srv.object(1) != 2 || s.Applied != 4 || !srv.has(push.Served, "1", "all", "t") {
			t.Errorf("%+v %v", s, srv.steps())
		}
	})
}

// TestDeletedWhileOwnObjectsWait closes a connection whose own objects are of another version.
func TestDeletedWhileOwnObjectsWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1), members: []string{"ana"}, manual: true})
		srv := c.servers["a"]
		p.end()
		srv.change(func() { srv.outdated = true })
		p = c.start(nil)
		defer func() { p.end() }()
		p.to(1)
		p.phase(Pending)
		c.puts(2, nil)
		p.to(2)
		if p.phase(Off); !srv.has(push.Switches, "off") || !srv.outdated {
			t.Error(srv.steps())
		}
	})
}

// slow makes edits of objects last.
func slow(srv *server, long time.Duration) {
	srv.change(func() {
		srv.step = func(ctx context.Context, s *push.Step) error {
			if s.Kind != push.ObjectEdit {
				return nil
			}
			select {
			case <-time.After(long):
				return nil
			case <-ctx.Done():
				return stead.Errorf(stead.Canceled, "stopped")
			}
		}
	})
}

// TestWithdrawalsDoNotStarveObjects withdraws something again and again, faster than a table can be edited.
func TestWithdrawalsDoNotStarveObjects(t *testing.T) {
	bubble(t, func(t *testing.T) {
		members := make([]string, 60)
		for i := range members {
			members[i] = string(rune('A' + i))
		}
		c, p := started(t, spec{sources: sources(1, 1), members: members})
		defer p.end()
		srv := c.servers["a"]
		slow(srv, 2*time.Second)
		for i := range members {
			r := stead.Revision(2 + i)
			c.put(r, spec{sources: sources(2, 2), members: members[i+1:]})
			p.to(r)
			time.Sleep(time.Second)
		}
		if srv.object(1) != 2 || srv.object(2) != 2 {
			t.Errorf("after a minute: %v", srv.steps())
		}
		c.put(70, spec{sources: sources(3, 3)})
		p.to(70)
		synctest.Wait()
		c.put(71, spec{sources: sources(3, 3), off: true})
		p.to(71)
		time.Sleep(900 * time.Millisecond)
		if !srv.has(push.Switches, "off") {
			t.Error("a kill switch waits")
		}
		time.Sleep(time.Minute)
		p.phase(Off)
	})
}

// TestKillSwitchIsNeverPutOff switches off while an edit does not give way to anything else.
func TestKillSwitchIsNeverPutOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		members := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}
		c, p := started(t, spec{sources: sources(1), members: members})
		defer p.end()
		srv := c.servers["a"]
		slow(srv, 40*time.Second)
		for i := range members {
			r := stead.Revision(2 + i)
			c.put(r, spec{sources: sources(2), members: members[i+1:]})
			p.to(r)
			time.Sleep(time.Second)
		}
		if !srv.has(push.Members, "all", "l", "r") {
			t.Fatal("it still gives way, so this shows nothing")
		}
		c.put(20, spec{sources: sources(2), off: true})
		p.to(20)
		time.Sleep(900 * time.Millisecond)
		if !srv.has(push.Switches, "off") || srv.has(push.Members, "all", "l", "r") {
			t.Error("the kill switch waits")
		}
	})
}

// TestGivingWayIsNoFailure looks at the records of an apply that gave way to a withdrawal.
func TestGivingWayIsNoFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1, 1), members: []string{"ana", "bob"}})
		defer p.end()
		slow(c.servers["a"], 2*time.Second)
		c.put(2, spec{sources: sources(2, 2), members: []string{"ana", "bob"}})
		p.to(2)
		time.Sleep(3 * time.Second)
		c.put(3, spec{sources: sources(2, 2), members: []string{"bob"}})
		p.to(3)
		time.Sleep(time.Minute)
		p.phase(Current)
		told := false
		for _, r := range c.recorded("apply") {
			if r.Status != stead.Success || r.Reason != "" {
				t.Errorf("%+v", r)
			}
			told = told || strings.Contains(r.Details, "1 of 2 steps, as a newer change came first; the next apply goes on")
		}
		if !told {
			t.Error("what was done before giving way is not recorded", c.recorded("apply"))
		}
	})
}

// TestVerifyRepairsAtOnce asks for a look at a platform that drifted.
func TestVerifyRepairsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1, 1), members: []string{"ana"}})
		defer p.end()
		srv := c.servers["a"]
		srv.change(func() { srv.objects[1] = [32]byte{9} })
		found, err := p.Verify(t.Context(), "c0")
		if err != nil || len(found) != 1 {
			t.Error(found, err)
		}
		if s := p.phase(Current); len(s.Drift) != 0 || srv.object(1) != 1 || !srv.has(push.Served, "1", "all", "t") {
			t.Errorf("%+v", s)
		}
	})
}

// TestDriftStaysToldUntilRepaired has drift that waits for somebody to apply, and such that comes when a look is interrupted.
func TestDriftStaysToldUntilRepaired(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, p := started(t, spec{sources: sources(1, 1), members: []string{"ana"}, manual: true})
		defer p.end()
		srv := c.servers["a"]
		srv.change(func() { srv.objects[1] = [32]byte{9} })
		if found, err := p.Verify(t.Context(), "c0"); err != nil || len(found) != 1 {
			t.Error(found, err)
		}
		if s := p.phase(Pending); len(s.Drift) != 1 || len(s.Held) != 1 {
			t.Errorf("%+v", s)
		}
		time.Sleep(20 * time.Minute)
		if s := p.phase(Pending); len(s.Drift) != 1 || len(s.Held) != 1 {
			t.Errorf("%+v", s)
		}
		if found, err := p.Verify(t.Context(), "c0"); err != nil || len(found) != 1 {
			t.Error("what waits is not told", found, err)
		}
		if err := p.Apply(t.Context(), "c0", false); err != nil {
			t.Error(err)
		}
		if s := p.phase(Current); len(s.Drift) != 0 || srv.object(1) != 1 {
			t.Errorf("%+v", s)
		}
	})
}
