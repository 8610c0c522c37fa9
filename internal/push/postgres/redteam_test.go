package postgres

import (
	"testing"

	"stead"
)

// A server that was away for two changes, of which the second took back the first, does not do the first again.
func TestStaleServerDoesNotBringBack(t *testing.T) {
	s := newSite(t, nil, "")
	w := hrWorld()
	first := w.state(s)
	s.apply(first, nil)
	stale := s.open()
	if _, err := stale.Plan(t.Context(), first, nil); err != nil {
		t.Fatal(err)
	}
	w.readers = []string{"alice", "bob", "carol"}
	w.depts["carol"] = []string{"d0"}
	second := w.state(s)
	late, err := stale.Plan(t.Context(), second, first)
	if err != nil {
		t.Fatal(err)
	}
	s.apply(second, first)
	s.want("carol", "SELECT count(*) FROM emp", "3")
	w.readers = []string{"alice", "bob"}
	delete(w.depts, "carol")
	third := w.state(s)
	s.apply(third, second)
	s.want("carol", "SELECT count(*) FROM emp", "0")
	if err := stale.Apply(t.Context(), late, nil); stead.CodeOf(err) != stead.Conflict {
		t.Error(err)
	}
	s.want("carol", "SELECT count(*) FROM emp", "0")
	late, err = stale.Plan(t.Context(), second, first)
	if err == nil {
		err = stale.Apply(t.Context(), late, nil)
	}
	if stead.CodeOf(err) != stead.Conflict {
		t.Error(err)
	}
	s.want("carol", "SELECT count(*) FROM emp", "0")
}
