package postgres

import (
	"context"
	"strings"
	"testing"
	"time"

	"stead/internal/push"
)

// moved is a site whose table hr.emp is moved away.
func newMoved(t *testing.T, more string) *site {
	return newSite(t, map[string]string{"move": "hr.emp", "exempt": "etl"}, more)
}

// stays is the same state for settings that move nothing.
func (s *site) stays(w world) *push.State {
	s.conf.Move = nil
	return w.state(s)
}

// The view has the table's name, the table is where only its owner may go.
func TestMoved(t *testing.T) {
	s := newMoved(t, `SET ROLE hr_owner; CREATE VIEW hr.old AS SELECT * FROM hr.emp; GRANT SELECT ON hr.old TO readers;
		CREATE FUNCTION hr.inv() RETURNS text LANGUAGE sql AS 'SELECT count(*) || min(ssn) FROM hr.emp'; RESET ROLE`)
	w := hrWorld()
	st := w.state(s)
	if plan := s.apply(st, nil); len(plan.Problems) > 0 {
		t.Error(plan.Problems)
	}
	s.settled(st)
	const denied = "ERROR 42501"
	for sql, want := range map[string]string{
		"SELECT id, name, dept FROM hr.emp": bobs, "SELECT count(*), count(DISTINCT ssn), count(salary) FROM hr.emp": "3,3,0", "SELECT count(*) FROM emp": "3",
		"SELECT count(*) FROM hr.emp WHERE ssn LIKE '0000%'": "0", "SELECT * FROM hr_raw.emp": denied, "SELECT count(*) FROM hr.old": denied,
		"INSERT INTO hr.emp(id) VALUES (50)": denied, "DELETE FROM hr.emp": denied, "UPDATE hr.emp SET name = 'x'": denied, "DROP VIEW hr.emp": denied,
		"SELECT has_schema_privilege('hr_raw', 'USAGE'), has_table_privilege(c.oid, 'SELECT'), has_any_column_privilege(c.oid, 'SELECT') FROM pg_class c WHERE relname = 'emp' AND relkind = 'r'": "f,f,f",
	} {
		s.want("bob", sql, want)
	}
	s.want("alice", "SELECT count(*), min(ssn), min(salary) FROM hr.emp", "6,000000001,1000")
	s.want("carol", "SELECT count(*) FROM hr.emp", "0")
	s.want("etl", "SELECT count(*) FROM hr_raw.emp", "9")
	s.want("etl", "INSERT INTO hr_raw.emp(id, dept) VALUES (50, 'd9')", "INSERT 0 1")
	s.want("etl", "DELETE FROM hr_raw.emp WHERE id = 50", "DELETE 1")
	s.want("bob", "SELECT left(hr.inv(), 1)", "3")
	found, err := s.p.Crawl(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || dotted(found[0].Path) != "hr.emp" || len(found[0].Columns) != 5 {
		t.Errorf("%+v", found)
	}
	w.depts["bob"] = []string{"d0"}
	rows := w.state(s)
	if got := kinds(s.apply(rows, st)); !strings.HasPrefix(got, "rows") || strings.Contains(got, "objects") {
		t.Error(got)
	}
	s.want("bob", "SELECT min(id) FROM hr.emp", "3")
	w.writers = []string{"bob"}
	writing := w.state(s)
	s.apply(writing, rows)
	s.settled(writing)
	s.want("bob", "INSERT INTO hr.emp(id, dept) VALUES (60, 'd0')", "INSERT 0 1")
	s.want("bob", "INSERT INTO hr.emp(id, dept) VALUES (61, 'd1')", denied)
	s.want("bob", "INSERT INTO hr.emp(id, dept, ssn) VALUES (62, 'd0', 'x')", "ERROR 0A000")
	s.want("bob", "UPDATE hr.emp SET name = 'x'", "UPDATE 4")
	s.want("bob", "UPDATE hr.emp SET dept = 'd1' WHERE id = 60", denied)
	s.want("bob", "UPDATE hr.emp SET ssn = '1'", "ERROR 0A000")
	s.want("bob", "DELETE FROM hr.emp WHERE id = 60", "DELETE 1")
	s.want("alice", "DELETE FROM hr.emp", "DELETE 0")
	s.want("alice", "INSERT INTO hr.emp(id, dept) VALUES (63, 'd0')", denied)
	w.writers = nil
	s.apply(w.state(s), writing)
	s.want("bob", "DELETE FROM hr.emp", denied)
	back := s.stays(w)
	s.apply(back, nil)
	s.settled(back)
	s.want("bob", "SELECT count(*) FROM hr.emp", "3")
	s.want("bob", "SELECT * FROM hr.emp", denied)
	s.want("bob", "SELECT count(ssn) FROM hr_gov.emp", "3")
	s.want("postgres", "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'hr_raw'", "0")
}

// A table that is governed no more is where it was, as it was, and closed.
func TestMovedRelease(t *testing.T) {
	s := newMoved(t, "")
	w := hrWorld()
	first := w.state(s)
	s.apply(first, nil)
	w.sources, w.keys = nil, nil
	gone := w.state(s)
	s.apply(gone, first)
	s.want("postgres", "SELECT relkind, relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'hr.emp'::regclass", "r,f,f")
	s.want("postgres", "SELECT count(*) FROM pg_policy", "0")
	s.want("bob", "SELECT id FROM hr.emp", "ERROR 42501")
	s.want("etl", "SELECT count(*) FROM hr.emp", "9")
	s.settled(gone)
	again := hrWorld().state(s)
	s.apply(again, gone)
	s.settled(again)
	s.want("bob", "SELECT count(*) FROM hr.emp", "3")
}

// What is done to the view, the table or their names opens nothing, is found, and is put right or told.
func TestMovedDrift(t *testing.T) {
	s := newMoved(t, "")
	st := hrWorld().state(s)
	s.apply(st, nil)
	for _, c := range []struct{ name, sql, bob string }{
		{"the view dropped", "DROP VIEW hr.emp", "ERROR 42P01"},
		{"moved back by the owner", "DROP VIEW hr.emp; ALTER TABLE hr_raw.emp SET SCHEMA hr", "ERROR 42501"},
		{"the view moved", "ALTER VIEW hr.emp SET SCHEMA hr_gov", "ERROR 42P01"},
		{"the view replaced", "CREATE OR REPLACE VIEW hr.emp WITH (security_barrier = true) AS SELECT id, name, dept, ssn, salary FROM hr_raw.emp", "3"},
		{"a policy dropped", "DROP POLICY stead_7_rows ON hr_raw.emp", "0"},
		{"a policy dropped, and the view", "DROP POLICY stead_7_open ON hr_raw.emp; DROP VIEW hr.emp", "ERROR 42P01"},
		{"the table opened", "GRANT USAGE ON SCHEMA hr_raw TO readers; GRANT SELECT ON hr_raw.emp TO readers", "3"},
		{"row security off", "ALTER TABLE hr_raw.emp DISABLE ROW LEVEL SECURITY", "3"},
		{"a view over it", "CREATE VIEW hr.v AS SELECT * FROM hr_raw.emp; GRANT SELECT ON hr.v TO readers", "3"},
		{"a column gone", "DROP VIEW hr.emp CASCADE; DROP VIEW hr.v; ALTER TABLE hr_raw.emp ADD more text", "ERROR 42P01"},
	} {
		s.exec(c.sql)
		s.want("bob", "SELECT count(*) FROM hr.emp", c.bob)
		drift, err := s.p.Verify(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		if len(drift) == 0 && c.name != "row security off" { // which the event trigger put back
			t.Error(c.name, "is not found")
		}
		s.apply(st, nil)
		s.settled(st)
		s.want("bob", "SELECT id, name, dept FROM hr.emp", bobs)
		s.want("bob", "SELECT count(*) FROM hr.emp WHERE ssn LIKE '0000%'", "0")
		s.want("bob", "SELECT count(*) FROM hr_raw.emp", map[bool]string{true: "ERROR 42501"}[true])
	}
}

// Another table under the name is governed where it stands; the one that was moved stays closed.
func TestMovedNameTaken(t *testing.T) {
	s := newMoved(t, "")
	st := hrWorld().state(s)
	s.apply(st, nil)
	s.exec(`DROP VIEW hr.emp; SET ROLE hr_owner; CREATE TABLE hr.emp(id int PRIMARY KEY, name text, dept text, ssn text, salary int);
		GRANT SELECT ON hr.emp TO readers; RESET ROLE; INSERT INTO hr.emp VALUES (2, 'n2', 'd2', 'raw', 1), (1, 'n1', 'd1', 'raw', 1)`)
	s.want("bob", "SELECT count(*) FROM hr.emp", "0") // by the event trigger
	plan := s.apply(st, nil)
	if len(plan.Problems) != 1 || plan.Problems[0].Blocking || plan.Problems[0].Hint == "" {
		t.Errorf("%+v", plan.Problems)
	}
	s.want("bob", "SELECT id, ssn IN ('raw') FROM emp", "2,f")
	s.want("bob", "SELECT ssn FROM hr.emp", "ERROR 42501")
	s.want("bob", "SELECT count(*) FROM hr_raw.emp", "ERROR 42501")
	s.settled(st)
	s.exec("DROP TABLE hr_raw.emp")
	s.apply(st, nil)
	s.settled(st)
	s.want("bob", "SELECT id, ssn IN ('raw') FROM hr.emp", "2,f")
}

// What cannot be moved is governed where it stands, and told.
func TestNotMoved(t *testing.T) {
	s := newSite(t, map[string]string{"move": "hr.emp,hr.v"}, "CREATE SCHEMA hr_raw; CREATE TABLE public.f(dept text); CREATE VIEW hr.v AS SELECT * FROM public.f")
	w := hrWorld()
	w.sources = append(w.sources, plain(8, "hr", "v", "dept"))
	st := w.state(s)
	plan := s.apply(st, nil)
	if len(plan.Problems) != 2 || plan.Problems[0].Blocking || plan.Problems[1].Blocking {
		t.Errorf("%+v", plan.Problems)
	}
	s.want("bob", "SELECT count(*) FROM emp", "3")
	s.settled(st)
}

// Owned sequences move along; partitions stay and are closed; a service that is no superuser can do it.
func TestMovedWithoutSuperuser(t *testing.T) {
	s := newSite(t, map[string]string{"move": "hr.part,hr.k"}, `CREATE ROLE svc LOGIN CREATEROLE IN ROLE hr_owner; GRANT CREATE ON DATABASE postgres TO svc; SET ROLE hr_owner;
		CREATE TABLE hr.part(dept text, n serial, ssn text) PARTITION BY LIST (dept); CREATE TABLE hr.part_a PARTITION OF hr.part DEFAULT;
		INSERT INTO hr.part(dept, ssn) SELECT dept, ssn FROM hr.emp; CREATE TABLE hr.k AS SELECT dept, ssn FROM hr.emp; RESET ROLE`)
	p, err := Open(t.Context(), Config{Address: s.server.DSN("svc", "postgres"), Settings: s.conf, Connection: "hr", Instance: "one", Key: s.p.cfg.Key})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	s.p = p
	w := hrWorld()
	w.sources = []*push.Source{masked(plain(8, "hr", "part", "dept", "ssn"), 1), plain(9, "hr", "k", "dept", "ssn")}
	w.keys = nil
	w.writers = []string{"bob"}
	st := w.state(s)
	if plan := s.apply(st, nil); len(plan.Problems) > 0 {
		t.Error(plan.Problems)
	}
	s.settled(st)
	s.want("bob", "SELECT count(*), min(ssn) FROM hr.part", "3,*")
	s.want("bob", "SELECT count(*) FROM hr.part_a", "ERROR 42501")
	s.want("bob", "SELECT count(*), min(ssn) FROM hr.k", "3,000000002")
	s.want("postgres", "SELECT pg_get_serial_sequence('hr_raw.part', 'n')", "hr_raw.part_n_seq")
	s.want("bob", "INSERT INTO hr.part(dept) VALUES ('d2')", "INSERT 0 1")
	s.want("bob", "SELECT count(*) FROM hr.part", "4")
	s.apply(s.stays(w), nil)
	s.want("bob", "SELECT count(*) FROM part", "4")
	s.want("postgres", "SELECT pg_get_serial_sequence('hr.part', 'n')", "hr.part_n_seq")
}

// Readers see their rows, and no clear value, while the table goes and comes back.
func TestMovingWhileRead(t *testing.T) {
	s := newMoved(t, "")
	w := hrWorld()
	w.clear = nil
	away := s.conf.Move
	s.conf.Move = nil
	s.apply(w.state(s), nil)
	ctx, stop := context.WithCancel(t.Context())
	wrong := make(chan string, 2)
	for _, sql := range []string{"SELECT count(*) FROM hr.emp", "SELECT count(*), count(salary), sum((ssn ~ '^0000')::int) FROM emp"} {
		c := s.dial("bob")
		go func() {
			reads := 0
			for ctx.Err() == nil {
				got := answer(context.Background(), c, sql)
				if got != "3" && got != "3,0,0" && got != "ERROR 40001" {
					wrong <- sql + ": " + got
					return
				}
				reads++
			}
			wrong <- map[bool]string{true: "", false: "nothing was read"}[reads > 0]
		}()
	}
	for range 8 {
		s.conf.Move = away
		s.apply(w.state(s), nil)
		s.conf.Move = nil
		s.apply(w.state(s), nil)
	}
	stop()
	for range 2 {
		select {
		case got := <-wrong:
			if got != "" {
				t.Error(got)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("a reader hangs")
		}
	}
}
