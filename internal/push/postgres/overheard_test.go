package postgres

import (
	"os"
	"strings"
	"testing"

	"stead"
	"stead/internal/push"
)

// Keys that the server would write to its log are not sent: what needs them is told and closed.
func TestOverheardKeys(t *testing.T) {
	s := newSite(t, nil, `CREATE ROLE svc LOGIN CREATEROLE IN ROLE hr_owner; GRANT CREATE ON DATABASE postgres TO svc; ALTER ROLE svc SET log_statement = 'mod';
		CREATE TABLE hr.plain AS SELECT dept FROM hr.emp; ALTER TABLE hr.plain OWNER TO hr_owner`)
	s.p = s.openAs("svc")
	w := hrWorld()
	w.sources = append(w.sources, plain(8, "hr", "plain", "dept"))
	st := w.state(s)
	plan := s.apply(st, nil)
	if len(plan.Problems) != 1 || !plan.Problems[0].Blocking || plan.Problems[0].Source != 7 || !strings.Contains(plan.Problems[0].Message, "log_statement = mod") {
		t.Fatalf("%+v", plan.Problems)
	}
	if strings.Contains(kinds(plan), "keys") {
		t.Error(kinds(plan))
	}
	s.want("bob", "SELECT count(*) FROM hr.plain", "3")
	s.want("postgres", "SELECT count(*) FROM immuta_system.source WHERE serves", "1")
	drift, err := s.p.Verify(t.Context(), st)
	if err != nil || len(drift) != 1 || drift[0].Source != 7 {
		t.Error(drift, err)
	}
	if steps := s.plan(st, nil).Steps; len(steps) > 0 {
		t.Errorf("%+v", steps)
	}
	direct := &push.Plan{Connection: "hr", From: st.Revision, To: st.Revision, Start: s.plan(st, nil).Start, Next: st,
		Steps: []push.Step{{Kind: push.KeyEdit, Object: "keys", Keys: st.Keys}}}
	if err := s.p.Apply(t.Context(), direct, nil); stead.CodeOf(err) != stead.Denied {
		t.Error("sent all the same:", err)
	}
	s.noKeyLogged(st)
	hint := plan.Problems[0].Hint
	s.exec(hint[strings.Index(hint, "GRANT"):])
	s.p = s.openAs("svc")
	if plan := s.apply(st, nil); len(plan.Problems) > 0 {
		t.Errorf("%+v", plan.Problems)
	}
	s.settled(st)
	s.want("bob", "SELECT count(ssn) FROM emp", "3")
	s.noKeyLogged(st)
}

// A new key of a later state is refused as the first is.
func TestOverheardLater(t *testing.T) {
	s := newSite(t, nil, `CREATE ROLE svc LOGIN CREATEROLE IN ROLE hr_owner; GRANT CREATE ON DATABASE postgres TO svc; ALTER ROLE svc SET log_min_duration_statement = 0;
		CREATE TABLE hr.plain AS SELECT dept FROM hr.emp; ALTER TABLE hr.plain OWNER TO hr_owner`)
	s.p = s.openAs("svc")
	w := hrWorld()
	w.sources, w.keys = []*push.Source{plain(8, "hr", "plain", "dept")}, nil
	first := w.state(s)
	s.apply(first, nil)
	w.sources, w.keys = append(w.sources, empSource()), []string{"source/7"}
	second := w.state(s)
	plan := s.apply(second, first)
	if len(plan.Problems) != 1 || !plan.Problems[0].Blocking || plan.Problems[0].Source != 7 {
		t.Fatalf("%+v", plan.Problems)
	}
	s.noKeyLogged(second)
}

func (s *site) openAs(role string) *Platform {
	s.Helper()
	p, err := Open(s.Context(), Config{Address: s.server.DSN(role, "postgres"), Settings: s.conf, Connection: "hr", Instance: "one", Key: s.p.cfg.Key})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = p.Close() })
	return p
}

// noKeyLogged fails the test when a key of the state, or none of stead's statements, is in the server's log.
func (s *site) noKeyLogged(st *push.State) {
	s.Helper()
	text, err := os.ReadFile(s.server.LogFile())
	if err != nil {
		s.Fatal(err)
	}
	logged := string(text)
	if !strings.Contains(logged, "immuta_system") {
		s.Error("nothing is logged")
	}
	for _, id := range st.Keys {
		key, err := s.p.key(s.Context(), id)
		if err != nil {
			s.Fatal(err)
		}
		if strings.Contains(logged, key) {
			s.Error("the key " + id + " is in the log")
		}
	}
}
