package system_test

import (
	"fmt"
	"strings"
	"testing"

	"stead/internal/pgserver/town"
	"stead/internal/push/postgres/system"
)

// seen says which departments a session sees, and how many of them with their real number.
const seen = `SELECT coalesce(string_agg(DISTINCT dept, '+'), 'nothing') || ' ' || count(*) || ' ' || count(*) FILTER (WHERE ssn <> 'masked') FROM hr_gov.emp`

const (
	asAlice, asBob, asDora, nothing = "d01+d02 200 0", "d03 100 0", "d04 100 100", "nothing 0 0"
	asExempt                        = "900"
)

func TestScriptRunsTwiceAndByWhoMay(t *testing.T) {
	w := town.New(t)
	admin := w.Connect("postgres")
	before := w.Ask(admin, "SELECT key FROM immuta_system.hash_key")
	w.Bootstrap(admin, false)
	if w.Ask(admin, "SELECT key FROM immuta_system.hash_key") != before || len(before) != 64 {
		t.Error("the key of tokens changed")
	}
	if got := w.Ask(w.Connect("bob"), seen); got != asBob {
		t.Error("after the second run bob sees", got)
	}
	digest, err := system.Digest(w.Settings())
	if err != nil || w.Ask(admin, "SELECT script || version FROM immuta_system.meta") != digest+fmt.Sprint(system.Version) {
		t.Error("meta does not tell what was run", err)
	}
	w.Exec(admin, "CREATE ROLE service LOGIN CREATEROLE")
	w.Exec(admin, "CREATE DATABASE other OWNER service")
	other := town.Dial(t, w.Server.DSN("service", "other"))
	w.Bootstrap(other, false)
	w.Bootstrap(other, false)
	if got := w.Ask(other, "SELECT count(*) FROM immuta_system.meta"); got != "1" {
		t.Error("a role with CREATEROLE cannot read what it made:", got)
	}
	w.Exec(admin, "CREATE DATABASE taken")
	taken := town.Dial(t, w.Server.DSN("postgres", "taken"))
	w.Exec(taken, "CREATE SCHEMA immuta_policies AUTHORIZATION mallory")
	script, err := system.Script(w.Settings(), "hr", "one", false)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.Ask(taken, strings.Join(script, ";\n")); got != "ERROR 42P06" {
		t.Error("a schema of somebody else's was taken over:", got)
	}
	w.Exec(admin, "UPDATE immuta_system.meta SET version = 99")
	if got := w.Ask(admin, strings.Join(script, ";\n")); got != "ERROR 55000" {
		t.Error("a newer version was overwritten:", got)
	}
}

// Everything of ours carries the marker, and nobody reads what is not theirs to read.
func TestSystemObjectsAreMarkedAndClosed(t *testing.T) {
	w := town.New(t)
	admin := w.Connect("postgres")
	for what, sql := range map[string]string{
		"unmarked relations": `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname LIKE 'immuta\_%' AND c.relkind IN ('r','v')
			AND coalesce(obj_description(c.oid, 'pg_class'), '') NOT LIKE 'stead:%'`,
		"unmarked routines": `SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname LIKE 'immuta\_%'
			AND coalesce(obj_description(p.oid, 'pg_proc'), '') NOT LIKE 'stead:%'`,
		"routines not as documented": `SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname LIKE 'immuta\_%'
			AND (NOT p.prosecdef OR p.proowner <> 'immuta_owner'::regrole OR p.proconfig <> ARRAY['search_path=pg_catalog, pg_temp']
			 OR n.nspname = 'immuta_policies' AND (p.provolatile <> 's' OR p.proparallel <> 'r'))`,
		"routines of the system for others": `SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
			WHERE n.nspname = 'immuta_system' AND has_function_privilege('bob', p.oid, 'EXECUTE')`,
		"tables for others": `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname LIKE 'immuta\_%' AND c.relkind = 'r'
			AND (has_table_privilege('bob', c.oid, 'SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER') OR has_any_column_privilege('bob', c.oid, 'SELECT,INSERT,UPDATE,REFERENCES'))`,
	} {
		if got := w.Ask(admin, sql); got != "" {
			t.Errorf("%s: %s", what, got)
		}
	}
	if got := w.Ask(admin, `SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'immuta_policies' AND has_function_privilege('bob', p.oid, 'EXECUTE')`); got != "10" {
		t.Error("look-ups that bob may call:", got)
	}
}

func TestLookUps(t *testing.T) {
	w := town.New(t)
	play(t, w, "bob", steps(step{"SELECT immuta_policies.reads(1), immuta_policies.writes(1), immuta_policies.reads(2), immuta_policies.reads(99)", "t|f|f|f"},
		step{"SELECT immuta_policies.texts(1, 1), immuta_policies.texts(1, 3)", "{d03}|{nobody's}"}, step{"SELECT immuta_policies.holds(1, 2)", "t"},
		refusedWith("SELECT immuta_policies.texts(1, 2)", "55000"), refusedWith("SELECT immuta_policies.holds(1, 1)", "55000"), refusedWith("SELECT immuta_policies.holds(99, 1)", "55000"),
		step{"SELECT immuta_policies.user_name(), immuta_policies.user_iam(), immuta_policies.key_of(1), immuta_policies.exempt()", "bob|bim|source/1|f"},
		step{"SELECT immuta_policies.intact(1), immuta_policies.intact(2)", "t|f"}))
	play(t, w, "alice", steps(step{"SELECT immuta_policies.writes(1), immuta_policies.texts(1, 1)", "t|{d01,d02}"}))
	play(t, w, "dora", steps(step{"SELECT immuta_policies.key_of(1), immuta_policies.holds(1, 2)", "project/apollo|f"}))
	play(t, w, "native", steps(then(town.Call("okta:bob")), step{"SELECT immuta_policies.user_name(), immuta_policies.user_iam()", "bob|okta"}))
	play(t, w, "stranger", steps(step{"SELECT immuta_policies.reads(1), immuta_policies.texts(1, 1), immuta_policies.holds(1, 2), immuta_policies.user_name(), immuta_policies.key_of(1)", "f|<null>|f|<null>|<null>"}))
	play(t, w, "etl", steps(step{"SELECT immuta_policies.exempt()", "t"}))
	play(t, w, "bob", steps(refusedWith("SELECT * FROM immuta_system.hash_key", "42501"), refusedWith("SELECT * FROM immuta_system.binding", "42501"), refusedWith("INSERT INTO immuta_system.stand_in VALUES (2, '*')", "42501"),
		refusedWith("SELECT immuta_system.token('2', '99999999999')", "42501"), refusedWith("SELECT immuta_system.sweep()", "42501"), refusedWith("CREATE FUNCTION immuta_policies.x() RETURNS int LANGUAGE sql AS 'SELECT 1'", "42501")))
}
