package postgres

import (
	"testing"

	"stead/internal/push"
)

// waits is a state with our own objects left as they are.
func waits(st *push.State) *push.State {
	c := *st
	c.Held = true
	return &c
}

// While our own objects wait to be brought up to date, rows are edited all the same.
func TestRowsWhileOwnObjectsWait(t *testing.T) {
	s := newSite(t, nil, "")
	w := hrWorld()
	s.apply(w.state(s), nil)
	s.want("bob", "SELECT count(*) FROM emp", "3")
	s.exec("UPDATE immuta_system.meta SET script = 'of an older stead'")
	w.depts = map[string][]string{"alice": {"d0"}}
	second := w.state(s)
	if got := kinds(s.plan(second, nil)); got != "bootstrap rows" {
		t.Error(got)
	}
	held := waits(second)
	if got := kinds(s.apply(held, nil)); got != "rows" {
		t.Error(got)
	}
	s.want("bob", "SELECT count(*) FROM emp", "0")
	if got := kinds(s.plan(held, held)) + kinds(s.plan(held, nil)); got != "" {
		t.Error(got)
	}
	s.settled(held)
	third := w.state(s)
	if got := kinds(s.apply(third, held)); got != "bootstrap" {
		t.Error(got)
	}
	s.settled(third)
}

// Where the tables are of another version, only what takes away is written, and it is seen again what is there.
func TestOnlyWithdrawalsWhereTablesDoNotFit(t *testing.T) {
	s := newSite(t, nil, "")
	w := hrWorld()
	first := w.state(s)
	s.apply(first, nil)
	s.exec("UPDATE immuta_system.meta SET version = 0, script = 'of an older stead'; ALTER TABLE immuta_system.login RENAME COLUMN pinned TO stuck")
	people := len(first.Sets)
	gone := waits(w.state(s))
	for id := range gone.Sets {
		if id.Table == push.Identities && id.Key == identityOf("bob") {
			delete(gone.Sets, id)
		}
	}
	if len(gone.Sets) != people-1 {
		t.Fatal("bob is not found in the state")
	}
	if got := kinds(s.apply(gone, nil)); got != "rows" {
		t.Error(got)
	}
	if got := s.count("identity"); got != s.identities(first)-1 {
		t.Error("identities left:", got)
	}
	off := waits(w.state(s))
	off.Sets[push.SetID{Table: push.Switches, Key: "off"}] = &push.Set{Rows: []push.Row{{"off"}}}
	if got := kinds(s.apply(off, gone)); got != "rows" {
		t.Error(got)
	}
	if s.count("switch") != 1 {
		t.Error("it is not switched off")
	}
	if got := kinds(s.plan(off, off)); got != "" {
		t.Error(got)
	}
	if drift, err := s.p.Verify(t.Context(), off); err != nil || len(drift) != 1 || drift[0].Repairable {
		t.Error(drift, err)
	}
}

func (s *site) count(table string) int {
	s.Helper()
	var n int
	if err := s.p.pool.QueryRow(s.Context(), "SELECT count(*) FROM immuta_system."+table).Scan(&n); err != nil {
		s.Fatal(err)
	}
	return n
}

func (s *site) identities(st *push.State) (n int) {
	for id, set := range st.Sets {
		if id.Table == push.Identities {
			n += len(set.Rows)
		}
	}
	return n
}
