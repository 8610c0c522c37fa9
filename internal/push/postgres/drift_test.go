package postgres

import (
	"strings"
	"testing"

	"stead/internal/push"
)

const bobs = "2,n2,d2 5,n5,d2 8,n8,d2"

// Each way in which somebody changes what stands is found, and repaired by a plan from scratch.
func TestDrift(t *testing.T) {
	s := newSite(t, nil, "")
	st := hrWorld().state(s)
	s.apply(st, nil)
	for _, c := range []struct {
		name, sql  string
		kind       push.DriftKind
		open       bool
		repairable bool
		undo       string
	}{
		{"a dropped restrictive policy", "DROP POLICY stead_7_rows ON hr.emp", push.Altered, true, true, ""},
		{"a dropped permissive policy", "DROP POLICY stead_7_open ON hr.emp", push.Altered, true, true, ""},
		{"an altered policy", "ALTER POLICY stead_7_open ON hr.emp USING (true)", push.Altered, true, true, ""},
		{"a policy for others", "ALTER POLICY stead_7_rows ON hr.emp TO etl", push.Altered, true, true, ""},
		{"a foreign policy", "CREATE POLICY mine ON hr.emp USING (true)", push.Foreign, true, false, "DROP POLICY mine ON hr.emp"},
		{"row security off", "ALTER EVENT TRIGGER stead_ddl DISABLE; ALTER TABLE hr.emp DISABLE ROW LEVEL SECURITY; ALTER EVENT TRIGGER stead_ddl ENABLE", push.Altered, true, true, ""},
		{"not forced", "ALTER EVENT TRIGGER stead_ddl DISABLE; ALTER TABLE hr.emp NO FORCE ROW LEVEL SECURITY; ALTER EVENT TRIGGER stead_ddl ENABLE", push.Altered, true, true, ""},
		{"a grant", "GRANT SELECT ON hr.emp TO readers", push.Foreign, true, true, ""},
		{"a grant of a column", "GRANT SELECT (ssn) ON hr.emp TO bob", push.Foreign, true, true, ""},
		{"a grant to the governed role", "GRANT SELECT ON hr.emp TO immuta_governed", push.Foreign, true, true, ""},
		{"a revoked grant", "REVOKE SELECT (name) ON hr.emp FROM immuta_governed", push.Missing, false, true, ""},
		{"a dropped view", "DROP VIEW hr_gov.emp", push.Missing, false, true, ""},
		{"a replaced view", "CREATE OR REPLACE VIEW hr_gov.emp WITH (security_barrier = true) AS SELECT id, name, dept, ssn, salary FROM hr.emp", push.Altered, true, true, ""},
		{"no barrier", "ALTER VIEW hr_gov.emp RESET (security_barrier)", push.Altered, true, true, ""},
		{"a view of another owner", "ALTER VIEW hr_gov.emp OWNER TO postgres", push.Altered, true, true, ""},
		{"a view for others", "GRANT SELECT ON hr_gov.emp TO PUBLIC", push.Foreign, true, true, ""},
		{"a new partition", "CREATE TABLE hr.emp_old() INHERITS (hr.emp); GRANT SELECT ON hr.emp_old TO readers", push.Foreign, true, true, ""},
		{"a new view", "CREATE VIEW hr.v AS SELECT * FROM hr.emp; GRANT SELECT ON hr.v TO readers", push.Foreign, true, true, ""},
		{"a view over a view", "CREATE VIEW public.vv AS SELECT * FROM hr.v; GRANT SELECT ON public.vv TO readers", push.Foreign, true, true, ""},
		{"a materialized view", "CREATE MATERIALIZED VIEW hr.m AS SELECT * FROM hr.emp; GRANT SELECT ON hr.m TO readers", push.Foreign, true, true, ""},
		{"a definer function", "CREATE FUNCTION hr.f() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM hr.emp'", push.Foreign, true, true, ""},
		{"a row", "INSERT INTO immuta_system.fact VALUES ('c1', 2)", push.Profiles, true, true, ""},
		{"a key", "UPDATE immuta_system.hash_key SET key = repeat('0', 64) WHERE id = 'source/7'", push.Altered, false, true, ""},
		{"a column of another type", "DROP VIEW hr_gov.emp; DROP VIEW public.vv, hr.v; DROP MATERIALIZED VIEW hr.m; ALTER TABLE hr.emp ALTER salary TYPE bigint", push.Columns, false, false,
			"ALTER TABLE hr.emp ALTER salary TYPE int"},
		{"a new column", "ALTER TABLE hr.emp ADD secret text DEFAULT 'x'", push.Columns, false, false, "ALTER TABLE hr.emp DROP secret"},
		{"made again", "DROP TABLE hr.emp CASCADE; SET ROLE hr_owner; CREATE TABLE hr.emp(id int PRIMARY KEY, name text, dept text, ssn text, salary int); " +
			"GRANT SELECT ON hr.emp TO readers; RESET ROLE; INSERT INTO hr.emp SELECT g, 'n' || g, 'd' || g % 3, lpad(g::text, 9, '0'), 1000 * g FROM generate_series(1, 9) g", push.Renewed, true, true, ""},
	} {
		s.exec(c.sql)
		drift, err := s.p.Verify(t.Context(), st)
		if err != nil {
			t.Fatal(c.name, err)
		}
		found := false
		for _, d := range drift {
			found = found || (d.Kind == c.kind && d.Open == c.open && d.Repairable == c.repairable)
		}
		if !found {
			t.Errorf("%s: found %+v", c.name, drift)
		}
		s.apply(st, nil)
		if c.undo != "" {
			if !c.repairable && c.kind == push.Columns && !drift[0].Note {
				s.want("bob", "SELECT count(*) FROM hr.emp", "0")
			}
			s.exec(c.undo)
			s.apply(st, nil)
		}
		if left, err := s.p.Verify(t.Context(), st); err != nil || len(left) > 0 {
			t.Errorf("%s: not repaired: %v %+v", c.name, err, left)
		}
		if steps := s.plan(st, nil).Steps; len(steps) > 0 {
			t.Errorf("%s: steps are left: %s %s", c.name, steps[0].Kind, steps[0].Why)
		}
		s.want("bob", "SELECT id, name, dept FROM hr.emp ORDER BY id", bobs)
		s.want("bob", "SELECT string_agg(ssn, ' ' ORDER BY id) FROM emp", strings.Join([]string{hashed("source/7", "000000002"), hashed("source/7", "000000005"), hashed("source/7", "000000008")}, " "))
		s.want("bob", "SELECT ssn FROM hr.emp", "ERROR 42501")
		if t.Failed() {
			t.Fatal(c.name)
		}
	}
}

// A new column is told of, and takes nothing away: the table is served on without it, and there is nothing to do.
func TestNewColumnIsOnlyTold(t *testing.T) {
	s := newSite(t, nil, "")
	st := hrWorld().state(s)
	s.apply(st, nil)
	s.exec("ALTER TABLE hr.emp ADD secret text DEFAULT 'x'")
	drift, err := s.p.Verify(t.Context(), st)
	want := push.Drift{Kind: push.Columns, Source: 7, Object: "hr.emp", Note: true, What: "column secret is not registered: " +
		"it is shown to nobody before the table is registered anew, or its data source looked at"}
	if err != nil || len(drift) != 1 || drift[0] != want {
		t.Errorf("%+v %v", drift, err)
	}
	if plan := s.plan(st, nil); len(plan.Steps)+len(plan.Problems) > 0 {
		t.Errorf("%+v", plan)
	}
	s.want("bob", "SELECT id, name, dept FROM hr.emp ORDER BY id", bobs)
	s.want("bob", "SELECT id, name, dept FROM emp ORDER BY id", bobs)
	s.want("bob", "SELECT secret FROM hr.emp", "ERROR 42501")
	s.want("bob", "SELECT secret FROM emp", "ERROR 42703")
}

// No single policy, taken away, lets anybody see or write more.
func TestDroppingAnyPolicyOpensNothing(t *testing.T) {
	s := newSite(t, map[string]string{"keep_dependents": "hr.v"}, `SET ROLE hr_owner; CREATE VIEW hr.v AS SELECT id, name, dept FROM hr.emp; GRANT SELECT ON hr.v TO readers;
		CREATE FUNCTION hr.del() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'WITH d AS (DELETE FROM hr.emp RETURNING 1) SELECT count(*) FROM d'; RESET ROLE`)
	w := hrWorld()
	w.writers = []string{"carol"} // so that rights to write are given
	st := w.state(s)
	s.apply(st, nil)
	s.exec("GRANT EXECUTE ON FUNCTION hr.del() TO bob")
	policies := strings.Fields(answer(t.Context(), s.admin, "SELECT polname FROM pg_policy WHERE polrelid = 'hr.emp'::regclass"))
	if len(policies) != 9 {
		t.Fatal(policies)
	}
	for _, policy := range policies {
		s.exec("DROP POLICY " + policy + " ON hr.emp")
		for _, sql := range []string{"SELECT id, name, dept FROM hr.emp ORDER BY id", "SELECT id, name, dept FROM emp ORDER BY id", "SELECT id, name, dept FROM hr.v ORDER BY id"} {
			if got := s.sees("bob", sql); got != bobs && got != "" {
				t.Errorf("without %s: %s: %s", policy, sql, got)
			}
			s.want("carol", sql, "")
			s.want("etl", strings.Replace(sql, "FROM emp", "FROM hr.emp", 1), "")
		}
		if got := s.sees("bob", "DELETE FROM hr.emp"); got != "DELETE 0" {
			t.Errorf("without %s: %s", policy, got)
		}
		if got := s.sees("bob", "SELECT hr.del()"); got != "0" {
			t.Errorf("without %s: bob deleted %s through the owner", policy, got)
		}
		if got := s.sees("bob", "INSERT INTO hr.emp(id, dept) VALUES (99, 'd2')"); got != "ERROR 42501" {
			t.Errorf("without %s: %s", policy, got)
		}
		s.apply(st, nil)
		s.exec("GRANT EXECUTE ON FUNCTION hr.del() TO bob")
	}
}
