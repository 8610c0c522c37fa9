package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"stead"
	dialect "stead/dialect/postgres"
	"stead/internal/push"
	"stead/policy/expr"
)

// plain is a source of text columns shown as they are, with rows by a slot.
func plain(id stead.SourceID, schema, table string, names ...string) *push.Source {
	src := &push.Source{ID: id, Path: []string{schema, table}}
	for _, n := range names {
		src.Columns = append(src.Columns, push.Column{Name: n, Type: expr.TextType, Shown: expr.Column{Name: n, Typ: expr.TextType}})
	}
	src.Rows = expr.Subject{Fact: expr.SlotContains, Key: "1", Arg: expr.Column{Name: names[0], Typ: expr.TextType}}
	return digested(src)
}

func masked(src *push.Source, column int) *push.Source {
	c := &src.Columns[column]
	c.Shown = mustCall(expr.If, expr.Subject{Fact: expr.SlotHolds, Key: "2"}, c.Shown, expr.TextLit("*"))
	return digested(src)
}

// Partitions, inheritance children, parents, views and functions show nothing beside the policies.
func TestSurroundings(t *testing.T) {
	s := newSite(t, map[string]string{"keep_dependents": "hr.kept"}, `SET ROLE hr_owner;
		CREATE TABLE hr.part(dept text, ssn text) PARTITION BY LIST (dept); CREATE TABLE hr.part_a PARTITION OF hr.part FOR VALUES IN ('d0', 'd1');
		CREATE TABLE hr.part_b PARTITION OF hr.part FOR VALUES IN ('d2') PARTITION BY LIST (ssn); CREATE TABLE hr.part_bb PARTITION OF hr.part_b DEFAULT;
		INSERT INTO hr.part SELECT dept, ssn FROM hr.emp;
		CREATE TABLE hr.par(dept text, ssn text); CREATE TABLE hr.kid(x text) INHERITS (hr.par); INSERT INTO hr.kid SELECT dept, ssn, 'x' FROM hr.emp;
		CREATE VIEW hr.v AS SELECT * FROM hr.part; CREATE VIEW public.vv AS SELECT * FROM hr.v; CREATE MATERIALIZED VIEW hr.m AS SELECT * FROM hr.v;
		CREATE VIEW hr.kept AS SELECT dept FROM hr.part;
		CREATE FUNCTION hr.def() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM hr.part';
		CREATE FUNCTION hr.atomic() RETURNS bigint LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT count(*) FROM hr.v; END;
		CREATE FUNCTION hr.inv() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM hr.part';
		GRANT SELECT ON ALL TABLES IN SCHEMA hr TO readers; GRANT SELECT ON public.vv TO PUBLIC; RESET ROLE;`)
	w := hrWorld()
	w.sources = []*push.Source{masked(plain(7, "hr", "part", "dept", "ssn"), 1), plain(8, "hr", "kid", "dept", "ssn")}
	w.keys = nil
	st := w.state(s)
	plan := s.apply(st, nil)
	if len(plan.Problems) > 0 {
		t.Error(plan.Problems)
	}
	const denied = "ERROR 42501"
	for sql, want := range map[string]string{
		"SELECT count(*) FROM hr.part": "3", "SELECT count(*), min(ssn) FROM part": "3,*", "SELECT count(*) FROM hr.part_a": denied,
		"SELECT count(*) FROM hr.part_b": denied, "SELECT count(*) FROM hr.part_bb": denied, "SELECT count(*) FROM hr.kid": "3", "SELECT count(*) FROM hr.par": denied,
		"SELECT count(*) FROM hr.v": denied, "SELECT count(*) FROM public.vv": denied, "SELECT count(*) FROM hr.m": denied, "SELECT count(*) FROM hr.kept": "3",
		"SELECT hr.def()": denied, "SELECT hr.atomic()": denied, "SELECT hr.inv()": "3", "SELECT x FROM hr.kid": denied,
	} {
		s.want("bob", sql, want)
	}
	s.want("etl", "SELECT count(*) FROM hr.part_a", "0")
	s.want("etl", "SELECT count(*) FROM ONLY hr.par", "0")
	s.settled(st)
	s.exec("SET ROLE hr_owner; CREATE TABLE hr.part_c PARTITION OF hr.part DEFAULT; GRANT SELECT ON hr.part_c TO readers; RESET ROLE; INSERT INTO hr.part VALUES ('d9', 'x')")
	s.want("bob", "SELECT count(*) FROM hr.part_c", "0") // by the event trigger
	s.apply(st, nil)
	s.want("bob", "SELECT count(*) FROM hr.part_c", denied)
	s.settled(st)
}

// Whoever is exempt sees what the owner sees; the owner alone does not; who loads without row security is said so.
func TestOwners(t *testing.T) {
	s := newSite(t, map[string]string{"exempt": "etl", "no_force": "hr.load"}, "SET ROLE hr_owner; CREATE TABLE hr.load AS SELECT dept, ssn FROM hr.emp; RESET ROLE; CREATE ROLE dba LOGIN IN ROLE hr_owner")
	w := hrWorld()
	w.sources = append(w.sources, plain(8, "hr", "load", "dept", "ssn"))
	st := w.state(s)
	s.apply(st, nil)
	s.want("etl", "SELECT count(*), min(ssn) FROM hr.emp", "9,000000001")
	s.want("etl", "INSERT INTO hr.emp(id, dept) VALUES (50, 'd9')", "INSERT 0 1")
	s.want("etl", "UPDATE hr.emp SET dept = 'd8' WHERE id = 50", "UPDATE 1")
	s.want("etl", "DELETE FROM hr.emp WHERE id = 50", "DELETE 1")
	s.want("dba", "SELECT count(*) FROM hr.emp", "0")
	s.want("dba", "DELETE FROM hr.emp", "DELETE 0")
	s.want("dba", "INSERT INTO hr.emp(id) VALUES (51)", "ERROR 42501")
	s.want("dba", "SELECT count(*) FROM hr.load", "9")
	s.want("bob", "SELECT count(*) FROM hr.load", "3")
	c := s.dial("etl")
	for table, works := range map[string]bool{"load": true, "emp": false} {
		_, err := c.PgConn().CopyFrom(t.Context(), strings.NewReader("d2\tx\n"), "COPY hr."+table+"(dept, ssn) FROM STDIN")
		if (err == nil) != works {
			t.Error(table, err)
		}
	}
	s.settled(st)
}

// Writes go through subscriptions, and only within what one sees.
func TestWrites(t *testing.T) {
	s := newSite(t, nil, "")
	w := hrWorld()
	w.writers = []string{"bob"}
	st := w.state(s)
	s.apply(st, nil)
	s.want("bob", "INSERT INTO hr.emp(id, dept) VALUES (50, 'd2')", "INSERT 0 1")
	s.want("bob", "INSERT INTO hr.emp(id, dept) VALUES (51, 'd1')", "ERROR 42501")
	s.want("bob", "UPDATE hr.emp SET name = 'x'", "UPDATE 4")
	s.want("bob", "UPDATE hr.emp SET dept = 'd1' WHERE id = 50", "ERROR 42501")
	s.want("bob", "UPDATE hr.emp SET ssn = '1'", "ERROR 42501")
	s.want("bob", "DELETE FROM hr.emp WHERE ssn IS NULL", "ERROR 42501")
	s.want("bob", "DELETE FROM hr.emp WHERE id = 50", "DELETE 1")
	s.want("bob", "TRUNCATE hr.emp", "ERROR 42501")
	s.want("alice", "DELETE FROM hr.emp", "DELETE 0")
	s.want("alice", "INSERT INTO hr.emp(id, dept) VALUES (52, 'd0')", "ERROR 42501")
}

// Views, materialized views, and conditions that need a key are read through a view alone.
func TestViewedSources(t *testing.T) {
	s := newSite(t, nil, `SET ROLE hr_owner; CREATE VIEW hr.v AS SELECT dept, ssn FROM hr.emp; CREATE MATERIALIZED VIEW hr.m AS SELECT dept, ssn FROM hr.emp;
		CREATE TABLE hr.k AS SELECT dept, ssn FROM hr.emp; GRANT SELECT ON ALL TABLES IN SCHEMA hr TO readers; RESET ROLE;`)
	w := hrWorld()
	k := plain(10, "hr", "k", "dept", "ssn")
	k.Rows = mustCall(expr.And, k.Rows, mustCall(expr.Ne, mustCall(expr.Hash, expr.Key{ID: "source/7"}, expr.Column{Name: "ssn", Typ: expr.TextType}, expr.IntLit(64)), expr.TextLit("x")))
	w.sources = []*push.Source{plain(8, "hr", "v", "dept", "ssn"), masked(plain(9, "hr", "m", "dept", "ssn"), 1), digested(k)}
	st := w.state(s)
	s.apply(st, nil)
	for _, table := range []string{"v", "m", "k"} {
		s.want("bob", "SELECT count(*) FROM hr."+table, "ERROR 42501")
		s.want("bob", "SELECT count(*) FROM "+table, "3")
		s.want("carol", "SELECT count(*) FROM "+table, "0")
	}
	s.want("etl", "SELECT count(*) FROM hr.k", "0")
	s.settled(st)
}

// Names are spelled as they are.
func TestNames(t *testing.T) {
	long, wide := strings.Repeat("x", 63), strings.Repeat("ü", 31)
	list := [][2]string{{"Hr", "Emp"}, {"h.r", "e.mp"}, {`h"r`, `e"m'p`}, {"日本", "表"}, {long, long}, {wide, wide}, {"select", "table"}, {"a b", " "}, {`back\slash`, `$$`}}
	var sql strings.Builder
	w := hrWorld()
	w.sources, w.keys = nil, nil
	for i, n := range list {
		table := ident(n[0], n[1])
		fmt.Fprintf(&sql, `CREATE SCHEMA %s; CREATE TABLE %s(%s text, "ssn""'" text); INSERT INTO %s SELECT 'd' || g %% 3, 's' FROM generate_series(1, 9) g; GRANT SELECT ON %s TO PUBLIC;`,
			ident(n[0]), table, dialect.Quote(n[1]), table, table)
		w.sources = append(w.sources, masked(plain(stead.SourceID(20+i), n[0], n[1], n[1], `ssn"'`), 1))
	}
	s := newSite(t, nil, sql.String())
	st := w.state(s)
	s.apply(st, nil)
	for _, n := range list {
		s.want("bob", `SELECT count(*), min("ssn""'") FROM `+ident(governedSchema(n[0]), n[1]), "3,*")
		s.want("bob", `SELECT count(*) FROM `+ident(n[0], n[1]), "3")
		s.want("bob", `SELECT "ssn""'" FROM `+ident(n[0], n[1]), "ERROR 42501")
	}
	s.want("bob", `SELECT min("ssn""'") FROM "Emp"`, "*")
	s.settled(st)
}

// A source that goes leaves the table closed, with nothing of ours on it.
func TestRelease(t *testing.T) {
	s := newSite(t, map[string]string{"keep_dependents": "hr.v"}, "SET ROLE hr_owner; CREATE VIEW hr.v AS SELECT * FROM hr.emp; GRANT SELECT ON hr.v TO readers; RESET ROLE")
	w := hrWorld()
	first := w.state(s)
	s.apply(first, nil)
	w.sources, w.keys = nil, nil
	gone := w.state(s)
	plan := s.apply(gone, first)
	if got := kinds(plan); got != "rows release keys" {
		t.Error(got)
	}
	if script := s.p.Script(plan); !strings.Contains(script, "readers=r/hr_owner") {
		t.Error(script)
	}
	s.want("postgres", "SELECT count(*) FROM pg_policy", "0")
	s.want("postgres", "SELECT relrowsecurity FROM pg_class WHERE oid = 'hr.emp'::regclass", "f")
	s.want("postgres", "SELECT to_regclass('hr_gov.emp')", "~")
	for _, sql := range []string{"SELECT id FROM hr.emp", "SELECT id FROM hr.v"} {
		s.want("bob", sql, "ERROR 42501")
		s.want("alice", sql, "ERROR 42501")
	}
	s.want("etl", "SELECT count(*) FROM hr.emp", "9")
	s.settled(gone)
	w = hrWorld()
	again := w.state(s)
	s.apply(again, gone)
	s.want("bob", "SELECT count(*) FROM emp", "3")
	s.settled(again)
}

// What stands in the way is told, closed, and never touched.
func TestProblems(t *testing.T) {
	s := newSite(t, nil, `CREATE SCHEMA hr_gov; CREATE TABLE hr_gov.emp(x int); CREATE TABLE public.f(dept text); CREATE POLICY stead_8_rows ON public.f USING (true)`)
	w := hrWorld()
	w.sources = append(w.sources, plain(8, "public", "f", "dept"), plain(9, "public", "gone", "dept"), plain(10, "pg_catalog", "pg_class", "relname"))
	st := w.state(s)
	plan := s.apply(st, nil)
	if len(plan.Problems) != 4 {
		t.Errorf("%+v", plan.Problems)
	}
	for _, p := range plan.Problems {
		if !p.Blocking || p.Source == 0 || p.Hint == "" {
			t.Errorf("%+v", p)
		}
	}
	s.want("postgres", "SELECT count(*) FROM immuta_system.source WHERE serves", "0")
	s.exec("DROP POLICY stead_8_rows ON public.f; DROP SCHEMA hr_gov CASCADE")
	w.depts["bob"] = []string{"d0"}
	second := w.state(s)
	s.apply(second, st)
	s.want("postgres", "SELECT count(*) FROM immuta_system.source WHERE serves", "0")
	s.apply(second, nil)
	s.want("postgres", "SELECT string_agg(source::text, ' ' ORDER BY source) FROM immuta_system.source WHERE serves", "7 8")
	s.want("bob", "SELECT count(*) FROM emp", "3")
}

// A service that is no superuser governs what belongs to roles it is a member of.
func TestWithoutSuperuser(t *testing.T) {
	s := newSite(t, nil, "CREATE ROLE svc LOGIN CREATEROLE IN ROLE hr_owner; GRANT CREATE ON DATABASE postgres TO svc; CREATE TABLE public.other(dept text)")
	p, err := Open(t.Context(), Config{Address: s.server.DSN("svc", "postgres"), Settings: s.conf, Connection: "hr", Instance: "one", Key: s.p.cfg.Key})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	s.p = p
	w := hrWorld()
	w.sources = append(w.sources, plain(8, "public", "other", "dept"))
	st := w.state(s)
	plan := s.plan(st, nil)
	if len(plan.Problems) != 1 || !strings.Contains(plan.Problems[0].Hint, "GRANT") {
		t.Error(plan.Problems)
	}
	if err := p.Apply(t.Context(), plan, nil); err != nil {
		t.Fatalf("%v: %v", err, errors.Unwrap(err))
	}
	s.want("bob", "SELECT count(*) FROM emp", "3")
	if steps := s.plan(st, nil).Steps; len(steps) > 0 {
		t.Errorf("%s %v %q", steps[0].Kind, steps[0].Why, steps[0].SQL)
	}
}

func TestCrawl(t *testing.T) {
	s := newSite(t, nil, "CREATE VIEW hr.v AS SELECT id FROM hr.emp; CREATE TABLE hr.p(a int) PARTITION BY LIST (a); CREATE TABLE hr.p1 PARTITION OF hr.p DEFAULT")
	s.apply(hrWorld().state(s), nil)
	found, err := s.p.Crawl(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range found {
		names = append(names, dotted(d.Path))
	}
	if got := strings.Join(names, " "); got != "hr.emp hr.p hr.v" {
		t.Error(got)
	}
	if c := found[0].Columns; len(c) != 5 || c[0].Type.Kind != expr.Int || c[0].Nullable || !c[1].Nullable {
		t.Errorf("%+v", c)
	}
}
