package postgres

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"stead"
	"stead/internal/push"
	"stead/policy/expr"
)

// ownTables are what a governed person, bob, owns beside hr.emp, which is somebody else's: a table and a view that are registered too.
const ownTables = `GRANT CREATE ON DATABASE postgres TO bob; CREATE SCHEMA own AUTHORIZATION bob; GRANT USAGE ON SCHEMA own TO PUBLIC; SET ROLE bob;
CREATE TABLE own.t(dept text, ssn text); INSERT INTO own.t VALUES ('d2', 'own');
CREATE VIEW own.v AS SELECT 'd2'::text AS dept, 'own'::text AS ssn;
CREATE FUNCTION own.tell(t text) RETURNS boolean LANGUAGE plpgsql COST 0.001 AS $$
BEGIN IF t LIKE '%00000000%' THEN RAISE EXCEPTION 'told' USING ERRCODE = 'TOLD1'; END IF; RETURN true; END $$; RESET ROLE;`

func ownWorld() world {
	w := hrWorld()
	w.sources = append(w.sources, masked(plain(20, "own", "t", "dept", "ssn"), 1), masked(plain(21, "own", "v", "dept", "ssn"), 1))
	return w
}

// A masking view reads in the name of immuta_owner, which may read what is masked. Who owns the table or view below must not
// have it read something else in that name.
func TestOwnersDoNotBorrowTheMaskingView(t *testing.T) {
	const reads = "POLICY mine ON own.t AS RESTRICTIVE USING (own.tell((SELECT string_agg(ssn, ',') FROM hr.emp))); SELECT 1"
	s := newSite(t, nil, ownTables)
	st := ownWorld().state(s)
	s.apply(st, nil)
	s.want("bob", "SELECT ssn FROM own_gov.v", "*")
	s.want("bob", "CREATE OR REPLACE VIEW own.v WITH (security_invoker = true) AS SELECT e.dept, e.ssn FROM hr.emp e WHERE own.tell(e.ssn); SELECT 1", "1")
	s.want("bob", "SELECT * FROM own_gov.v", "ERROR 42501")
	s.want("bob", "CREATE "+reads, "ERROR 42501")
	s.want("bob", "CREATE POLICY mine ON own.t AS RESTRICTIVE USING (true); ALTER POLICY mine ON own.t USING (own.tell((SELECT string_agg(ssn, ',') FROM hr.emp)))", "ERROR 42501")
	s.want("bob", "CREATE POLICY mine ON own.t AS RESTRICTIVE USING (own.tell('x')); SELECT 1", "1")
	s.want("bob", "SELECT ssn FROM own_gov.t", "*")
}

// Where such a policy stands already, or nothing keeps it from being made, there is no masking view.
func TestPoliciesThatReadOtherTables(t *testing.T) {
	const reads = "CREATE POLICY mine ON own.t AS RESTRICTIVE USING (own.tell((SELECT string_agg(ssn, ',') FROM hr.emp))); SELECT 1"
	s := newSite(t, nil, ownTables)
	w := ownWorld()
	mine := w.sources
	w.sources = w.sources[:1]
	first := w.state(s)
	s.apply(first, nil)
	s.want("bob", reads, "1")
	w.sources = mine
	next := w.state(s)
	refused := func(plan *push.Plan) {
		t.Helper()
		if !slices.ContainsFunc(plan.Problems, func(p push.Problem) bool {
			return p.Source == 20 && strings.Contains(p.Message, "the policy mine reads other tables")
		}) {
			t.Errorf("%+v", plan.Problems)
		}
		s.want("bob", "SELECT * FROM own_gov.t", "ERROR 42P01")
		if plan := s.plan(next, nil); len(plan.Steps) > 0 {
			t.Errorf("steps are left: %+v", plan.Steps)
		}
	}
	refused(s.apply(next, first))
	s.want("bob", "DROP POLICY mine ON own.t; SELECT 1", "1")
	s.apply(next, nil)
	s.want("bob", "SELECT ssn FROM own_gov.t", "*")
	s.exec("DROP EVENT TRIGGER stead_policy")
	s.want("bob", reads, "1")
	s.want("bob", "SELECT * FROM own_gov.t", "ERROR TOLD1") // until it is found
	refused(s.apply(next, nil))
}

// What runs in a table owner's name while an administrator maintains the table is not answered as that administrator.
func TestMaintenanceIsNobody(t *testing.T) {
	s := newSite(t, nil, ownTables+`SET ROLE bob; CREATE TABLE own.got(t text);
		CREATE FUNCTION own.write() RETURNS void LANGUAGE sql VOLATILE AS $$ INSERT INTO own.got SELECT string_agg(dept || id, ',') FROM hr.emp $$;
		CREATE FUNCTION own.spy(x text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM own.write(); RETURN x; END $$;
		CREATE TABLE own.bait(a text); INSERT INTO own.bait VALUES ('x'); RESET ROLE;`)
	w := hrWorld()
	w.more = map[push.SetID]*push.Set{{Table: push.Logins, Key: "postgres"}: {Rows: []push.Row{{"postgres", "1", "t", "f", "f"}}}}
	s.apply(w.state(s), nil)
	s.want("bob", `CREATE FUNCTION own.imm(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN x; END $$;
		CREATE INDEX ON own.bait (own.imm(a)); CREATE OR REPLACE FUNCTION own.imm(x text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM own.write(); RETURN x; END $$; SELECT 1`, "1")
	s.want("postgres", "ANALYZE own.bait", "ANALYZE")
	s.want("postgres", "REINDEX TABLE own.bait", "REINDEX")
	if got := s.sees("postgres", "SELECT count(*), count(t) FROM own.got"); got == "0,0" || !strings.HasSuffix(got, ",0") {
		t.Errorf("not run, or told rows: %s", got)
	}
}

// A new partition of a table whose row rule hashes, and one made anew under its name, are as shut as those of any other.
func TestKeyedIsShutWhenMadeAnew(t *testing.T) {
	s := newSite(t, nil, `SET ROLE hr_owner; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC; CREATE TABLE hr.part(dept text, ssn text) PARTITION BY LIST (dept);
		CREATE TABLE hr.part_a PARTITION OF hr.part FOR VALUES IN ('d0'); INSERT INTO hr.part VALUES ('d0', 'x'); RESET ROLE;`)
	w := hrWorld()
	src := plain(9, "hr", "part", "dept", "ssn")
	src.Rows = mustCall(expr.And, src.Rows, mustCall(expr.Ne, mustCall(expr.Hash, expr.Key{ID: "source/9"}, expr.Column{Name: "ssn", Typ: expr.TextType}, expr.IntLit(8)), expr.TextLit("0")))
	w.sources, w.keys = append(w.sources, digested(src)), append(w.keys, "source/9")
	s.apply(w.state(s), nil)
	s.want("alice", "SELECT ssn FROM hr_gov.part", "x")
	s.want("bob", "SELECT count(*) FROM hr_gov.part", "0")
	s.exec(`SET ROLE hr_owner; CREATE TABLE hr.part_b PARTITION OF hr.part FOR VALUES IN ('d1'); RESET ROLE; INSERT INTO hr.part_b VALUES ('d1', 'y')`)
	s.want("bob", "SELECT count(*) FROM hr.part_b", "0")
	s.want("alice", "SELECT ssn FROM hr_gov.part ORDER BY 1", "x y")
	s.exec(`SET ROLE hr_owner; ALTER TABLE hr.part DISABLE ROW LEVEL SECURITY; GRANT SELECT ON hr.part TO PUBLIC; RESET ROLE`)
	s.want("bob", "SELECT count(*) FROM hr.part", "0")
	s.exec(`SET ROLE hr_owner; DROP TABLE hr.part CASCADE; CREATE TABLE hr.part(dept text, ssn text); RESET ROLE; INSERT INTO hr.part VALUES ('d1', 'y')`)
	s.want("bob", "SELECT count(*) FROM hr.part", "0")
}

// Roles are of all databases of a server. A right to stand in that is withdrawn here leaves nothing, though the role was granted for
// another database, which did so.
func TestMembershipOfAnotherDatabase(t *testing.T) {
	s := newSite(t, nil, "CREATE ROLE svc LOGIN;")
	w := hrWorld()
	w.more = map[push.SetID]*push.Set{
		{Table: push.Identities, Key: "9"}: {Rows: []push.Row{{"9", "bim", "svc", "t", "f", "f", ""}}},
		{Table: push.Logins, Key: "svc"}:   {Rows: []push.Row{{"svc", "9", "t", "f", "f"}}},
		{Table: push.StandIns, Key: "9"}:   {Rows: []push.Row{{"9", "2"}}},
	}
	nobody := w
	nobody.more = nil
	s.apply(nobody.state(s), nil)
	s.exec("GRANT immuta_impersonator TO svc") // as the stead of the other database does
	first := w.state(s)
	s.apply(first, nil)
	const as = "CALL immuta_procedures.impersonate_user('%s'); SELECT count(*) FROM emp"
	s.want("svc", strings.ReplaceAll(as, "%s", "bob"), "3")
	s.want("svc", strings.ReplaceAll(as, "%s", "alice"), "0")
	delete(w.more, push.SetID{Table: push.StandIns, Key: "9"})
	next := w.state(s)
	if err := s.applyUntil(s.plan(next, first), 1); err == nil {
		t.Error("the plan was not cut off after the rows")
	}
	s.want("svc", strings.ReplaceAll(as, "%s", "alice"), "0")
	s.want("svc", strings.ReplaceAll(as, "%s", "bob"), "0")
	s.apply(next, nil)
	s.want("svc", strings.ReplaceAll(as, "%s", "alice"), "0")
	s.settled(next)
}

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

// A subscription that is withdrawn together with an edit of objects is withdrawn before the objects are waited for.
func TestWithdrawnBeforeObjects(t *testing.T) {
	s := newSite(t, nil, "")
	w := hrWorld()
	first := w.state(s)
	s.apply(first, nil)
	s.want("bob", "SELECT count(*) FROM emp", "3")
	src := *w.sources[0]
	src.Rows = mustCall(expr.And, src.Rows, mustCall(expr.Le, expr.Column{Name: "id", Typ: expr.Type{Kind: expr.Int, Bits: 32}}, expr.IntLit(5)))
	w.sources[0] = digested(&src)
	next := w.state(s)
	next.Sets[push.SetID{Table: push.Served, Key: "7"}] = &push.Set{Rows: []push.Row{{"7", "a2", "t"}}}
	next.Sets[push.SetID{Table: push.Members, Key: "a2"}] = &push.Set{Rows: []push.Row{{"a2", "1", "r"}}}
	delete(next.Sets, push.SetID{Table: push.Members, Key: "a1"})
	busy := s.dial("alice")
	if got := answer(t.Context(), busy, "BEGIN; SELECT count(*) FROM emp"); got != "6" {
		t.Fatal(got)
	}
	var once sync.Once
	if err := s.p.Apply(t.Context(), s.plan(next, first), func(p push.Progress) {
		if p.Retry != nil {
			once.Do(func() {
				s.want("bob", "SELECT count(*) FROM emp", "0")
				if got := answer(t.Context(), busy, "COMMIT"); got != "COMMIT" {
					t.Error(got)
				}
			})
		}
	}); err != nil {
		t.Fatal(err)
	}
	once.Do(func() { t.Error("the table was not busy") })
	s.want("bob", "SELECT count(*) FROM emp", "0")
	s.want("alice", "SELECT count(*) FROM emp", "3")
}

// Names of roles, schemas, tables and columns are names in whatever is run.
func TestNamesAreNames(t *testing.T) {
	odd := `e'"\ $body$ $do$ %s {{governed}} ;--` + "\n--\n" + `x`
	s := newSite(t, map[string]string{"exempt": `ex'"\;--`}, "")
	q := ident(odd)
	s.exec("CREATE ROLE " + ident(`ex'"\;--`) + " LOGIN; CREATE SCHEMA " + q + "; CREATE TABLE " + q + "." + q + "(" + q + " text, ssn text); INSERT INTO " + q + "." + q +
		" VALUES ('d2', 'x'); CREATE VIEW " + q + ".v AS SELECT ssn FROM " + q + "." + q + "; GRANT SELECT ON " + q + ".v TO PUBLIC")
	w := hrWorld()
	w.sources = append(w.sources, masked(plain(20, odd, odd, odd, "ssn"), 1))
	st := w.state(s)
	if plan := s.apply(st, nil); len(plan.Problems) > 0 {
		t.Error(plan.Problems)
	}
	s.settled(st)
	s.want("bob", "SELECT ssn FROM "+ident(governedSchema(odd), odd), "*")
	w.sources = w.sources[:1]
	s.apply(w.state(s), st)
}
