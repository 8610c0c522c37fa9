package postgres

import (
	"strings"
	"testing"

	"stead/internal/push"
)

// What is changed of stead's own objects is found, and made again as it was.
func TestTampered(t *testing.T) {
	s := newSite(t, nil, "")
	st := hrWorld().state(s)
	s.apply(st, nil)
	const open = `CREATE OR REPLACE FUNCTION immuta_policies.reads(source bigint, version text) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
		SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN true; END'`
	for _, sql := range []string{
		open, "GRANT SELECT ON immuta_system.hash_key TO readers", "GRANT SELECT (key) ON immuta_system.hash_key TO PUBLIC", "GRANT EXECUTE ON FUNCTION immuta_system.token(text, text) TO readers",
		"GRANT USAGE ON SCHEMA immuta_system TO readers", "ALTER FUNCTION immuta_policies.holds(bigint, int) SECURITY INVOKER", "ALTER FUNCTION immuta_policies.holds(bigint, int) RESET search_path",
		"ALTER FUNCTION immuta_policies.holds(bigint, int) OWNER TO hr_owner", "ALTER PROCEDURE immuta_procedures.impersonate_user(text) OWNER TO postgres",
		"ALTER FUNCTION immuta_system.tell(text, timestamptz, bigint, text) OWNER TO hr_owner", "REVOKE EXECUTE ON FUNCTION immuta_policies.holds(bigint, int) FROM PUBLIC",
		"ALTER EVENT TRIGGER stead_ddl DISABLE", "ALTER EVENT TRIGGER stead_drop ENABLE REPLICA", "DROP EVENT TRIGGER stead_policy",
	} {
		s.exec(sql)
		drift, err := s.p.Verify(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		if len(drift) != 1 || drift[0].Object != "immuta_system" || !drift[0].Open || !drift[0].Repairable || drift[0].Source != 0 {
			t.Errorf("%s: %+v", sql, drift)
		}
		if got := kinds(s.apply(st, nil)); got != "bootstrap" {
			t.Errorf("%s: %s", sql, got)
		}
		s.settled(st)
		s.want("bob", "SELECT id, name, dept FROM emp", bobs)
		s.want("bob", "SELECT * FROM immuta_system.hash_key", "ERROR 42501")
	}
}

// A function that somebody made under one of our names does not come to be ours.
func TestForeignLookup(t *testing.T) {
	s := newSite(t, nil, "")
	st := hrWorld().state(s)
	s.apply(st, nil)
	s.exec(`GRANT CREATE ON SCHEMA immuta_policies TO hr_owner; SET ROLE hr_owner; CREATE FUNCTION immuta_policies.holds(x text) RETURNS bigint LANGUAGE sql SECURITY DEFINER
		AS 'SELECT count(*) FROM pg_roles'; COMMENT ON FUNCTION immuta_policies.holds(text) IS 'stead: version 1'; RESET ROLE`)
	drift, err := s.p.Verify(t.Context(), st)
	if err != nil || len(drift) == 0 || drift[0].Object != "immuta_system" {
		t.Errorf("%+v %v", drift, err)
	}
	s.apply(st, nil)
	s.want("postgres", "SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE oid = 'immuta_policies.holds(text)'::regprocedure", "hr_owner")
	s.want("postgres", "SELECT has_schema_privilege('hr_owner', 'immuta_policies', 'CREATE')", "f")
}

// Logins that own what is governed, and members of stead's owner, are told.
func TestMembers(t *testing.T) {
	s := newSite(t, map[string]string{"exempt": "etl"}, "")
	st := hrWorld().state(s)
	if plan := s.apply(st, nil); len(plan.Problems) > 0 {
		t.Errorf("%+v", plan.Problems)
	}
	s.exec("GRANT hr_owner TO readers; ALTER ROLE carol BYPASSRLS; GRANT immuta_owner TO alice")
	told := map[string]string{}
	for _, p := range s.plan(st, nil).Problems {
		if p.Blocking || p.Hint == "" {
			t.Errorf("%+v", p)
		}
		told[p.Object] = p.Message
	}
	if len(told) != 3 || !strings.Contains(told["bob"], "member of hr_owner") || !strings.Contains(told["alice"], "is a member of") || !strings.Contains(told["carol"], "bypasses") {
		t.Errorf("%+v", told)
	}
	drift, err := s.p.Verify(t.Context(), st)
	if err != nil || len(drift) != 1 || drift[0].Kind != push.Foreign || drift[0].Object != "alice" || drift[0].Repairable || !drift[0].Open {
		t.Errorf("%+v %v", drift, err)
	}
}

// A login that leaves sees nothing, whatever it keeps.
func TestLoginLeaves(t *testing.T) {
	s := newSite(t, nil, "")
	w := hrWorld()
	first := w.state(s)
	s.apply(first, nil)
	gone := w.state(s)
	delete(gone.Sets, push.SetID{Table: push.Logins, Key: "bob"})
	s.apply(gone, first)
	s.want("bob", "SELECT count(*) FROM emp", "0")
	s.want("bob", "SELECT count(*) FROM hr_gov.emp", "0")
	s.want("bob", "SELECT ssn FROM hr.emp", "ERROR 42501")
	s.settled(gone)
}

// Sequences are used by who may write, and read by nobody.
func TestSequences(t *testing.T) {
	s := newSite(t, nil, `SET ROLE hr_owner; CREATE TABLE hr.log(n serial, i int GENERATED ALWAYS AS IDENTITY, dept text); GRANT SELECT, USAGE ON hr.log_n_seq, hr.log_i_seq TO readers; RESET ROLE`)
	w := hrWorld()
	w.sources, w.keys, w.writers = []*push.Source{plain(8, "hr", "log", "dept")}, nil, nil
	first := w.state(s)
	s.apply(first, nil)
	s.settled(first)
	for _, sql := range []string{"SELECT last_value FROM hr.log_n_seq", "SELECT last_value FROM hr.log_i_seq", "SELECT nextval('hr.log_n_seq')", "INSERT INTO hr.log(dept) VALUES ('d2')"} {
		s.want("bob", sql, "ERROR 42501")
	}
	w.writers = []string{"bob"}
	second := w.state(s)
	s.apply(second, first)
	s.settled(second)
	s.want("bob", "INSERT INTO hr.log(dept) VALUES ('d2')", "INSERT 0 1")
	s.want("bob", "SELECT last_value FROM hr.log_n_seq", "ERROR 42501")
	w.writers = nil
	third := w.state(s)
	s.apply(third, second)
	s.settled(third)
	s.want("bob", "SELECT nextval('hr.log_n_seq')", "ERROR 42501")
	s.exec("GRANT SELECT ON hr.log_i_seq TO PUBLIC")
	s.apply(third, nil)
	s.want("bob", "SELECT last_value FROM hr.log_i_seq", "ERROR 42501")
}
