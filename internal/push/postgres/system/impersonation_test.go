package system_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"stead/internal/pgserver/town"
)

// step is what a session sends and what it must get; "" is no rows.
type step struct{ sql, want string }

func then(sql string) step              { return step{sql, ""} }
func refusedWith(sql, code string) step { return step{sql, "ERROR " + code} }
func sees(what string) step             { return step{seen, what} }
func lostStep() step                    { return refusedWith(seen, "42501") }
func steps(list ...step) []step         { return list }
func admins(sql string) step            { return step{"admin: " + sql, ""} }
func isAsking(name string) step         { return step{"SELECT immuta_procedures.asking_as()", name} }

func play(t *testing.T, w *town.Town, login string, list []step) {
	t.Helper()
	admin := town.Dial(t, w.DSN("postgres"))
	c := town.Dial(t, w.DSN(login))
	playOn(t, c, admin, list)
}

func playOn(t *testing.T, c, admin *pgx.Conn, list []step) {
	t.Helper()
	for i, s := range list {
		on, sql := c, s.sql
		if len(sql) > 7 && sql[:7] == "admin: " {
			on, sql = admin, sql[7:]
		}
		if got := town.Ask(t.Context(), on, sql); got != s.want {
			t.Errorf("step %d: %s\n got  %s\n want %s", i+1, sql, got, s.want)
		}
	}
}

func TestImpersonation(t *testing.T) {
	w := town.New(t)
	const cursor = `DECLARE c CURSOR FOR SELECT dept || ssn FROM hr_gov.emp ORDER BY id`
	for _, c := range []struct {
		name, login string
		steps       []step
	}{
		{"people see their own", "alice", steps(sees(asAlice), isAsking("alice"))},
		{"who has no identity sees nothing", "stranger", steps(sees(nothing), isAsking("<null>"))},
		{"permitted, replaced, ended", "svc", steps(sees(nothing), then(town.Call("bob")), sees(asBob), isAsking("bob"), then(town.Call("dora")), sees(asDora), then(town.Call("")), sees(nothing), isAsking("svc"))},
		{"the empty name ends", "svc", steps(then(town.Call("bob")), then("CALL immuta_procedures.impersonate_user('')"), isAsking("svc"))},
		{"ending nothing", "alice", steps(then(town.Call("")), sees(asAlice))},
		{"not permitted: nobody, not oneself, until it is ended", "alice", steps(then(town.Call("bob")), sees(nothing), isAsking("<null>"), sees(nothing), then(town.Call("")), sees(asAlice))},
		{"not in the list", "svc", steps(then(town.Call("alice")), sees(nothing), then(town.Call("bob")), sees(asBob))},
		{"unknown", "svc", steps(then(town.Call("nobody-at-all")), sees(nothing), isAsking("<null>"))},
		{"an administrator of stead, though listed", "svc", steps(then(town.Call("root")), isAsking("<null>"))},
		{"whose own project refuses", "svc", steps(then(town.Call("idle")), isAsking("<null>"))},
		{"limited to sources that are not these", "svc", steps(then(town.Call("limited")), isAsking("limited"), sees(nothing))},
		{"letter case", "svc", steps(then(town.Call("BOB")), sees(asBob), then(town.Call("bIM:bob")), isAsking("<null>"), then(town.Call("bim:Bob")), sees(asBob))},
		{"spaces are part of a name", "svc", steps(then(town.Call(" bob")), isAsking("<null>"), then(town.Call("bob ")), isAsking("<null>"))},
		{"quotes and SQL in a name", "svc", steps(then(town.Call(`bob''; DROP TABLE hr.emp; --`)), isAsking("<null>"), then(town.Call(`"bob"`)), isAsking("<null>"), then(town.Call("%")), isAsking("<null>"))},
		{"another IAM's bob is another", "native", steps(then(town.Call("okta:bob")), isAsking("okta:bob"), sees("d08 100 100"), then(town.Call("bob")), sees(asBob))},
		{"composed and decomposed, upper case left alone where locales disagree", "native",
			steps(then(town.Call("e\u0301mile O''Neil")), isAsking("émile o'neil"), then(town.Call("ÉMILE o''neil")), isAsking("<null>"))},
		{"let in natively, through a role", "native", steps(sees(nothing), isAsking("<null>"), then(town.Call("bob")), sees(asBob), then(town.Call("root")), isAsking("<null>"), then(town.Call("")), isAsking("<null>"))},
		{"granted in stead and taken there: the membership alone gives nothing", "former", steps(then(town.Call("bob")), sees(nothing), isAsking("<null>"))},
		{"not the last hop: nobody's rights are chained", "svc", steps(then(town.Call("pinsvc")), isAsking("<null>"), then(town.Call("bob")), then(town.Call("alice")), isAsking("<null>"))},
		{"only in others' stead", "onlysvc", steps(isAsking("<null>"), then(town.Call("bob")), sees(asBob), then(town.Call("")), sees(nothing))},

		{"ROLLBACK undoes", "svc", steps(then("BEGIN"), then(town.Call("bob")), sees(asBob), then("ROLLBACK"), isAsking("svc"), sees(nothing))},
		{"ROLLBACK undoes a switch", "svc", steps(then(town.Call("bob")), then("BEGIN"), then(town.Call("dora")), sees(asDora), then("ROLLBACK"), sees(asBob))},
		{"ROLLBACK undoes an end", "svc", steps(then(town.Call("bob")), then("BEGIN"), then(town.Call("")), sees(nothing), then("ROLLBACK"), sees(asBob))},
		{"ROLLBACK TO", "svc", steps(then("BEGIN"), then(town.Call("bob")), then("SAVEPOINT s"), then(town.Call("dora")), sees(asDora), then("ROLLBACK TO s"), sees(asBob), then("COMMIT"), sees(asBob))},
		{"ROLLBACK of a refusal is what was before, as the asker knows", "svc", steps(then(town.Call("bob")), then("BEGIN"), then(town.Call("alice")), sees(nothing), then("ROLLBACK"), sees(asBob))},
		{"an exception around the CALL", "svc", steps(then(`DO $$ BEGIN CALL immuta_procedures.impersonate_user('bob'); RAISE 'x'; EXCEPTION WHEN OTHERS THEN NULL; END $$`), isAsking("svc"))},
		{"DISCARD ALL ends it into refusal", "svc", steps(then(town.Call("bob")), then("DISCARD ALL"), lostStep(), isAsking("<null>"), lostStep(), then(town.Call("")), sees(nothing), isAsking("svc"))},
		{"DISCARD ALL of one who sees something himself", "alice", steps(then(town.Call("bob")), then("DISCARD ALL"), lostStep(), then(town.Call("")), sees(asAlice))},
		{"DISCARD ALL stands alone, so no pool resets with a CALL and it", "svc", steps(then(town.Call("bob")), refusedWith(town.Call("")+"; DISCARD ALL", "25001"), sees(asBob))},
		{"RESET ALL, and back by a new CALL", "svc", steps(then(town.Call("bob")), then("RESET ALL"), lostStep(), then(town.Call("dora")), sees(asDora))},
		{"SET LOCAL hides it for a transaction", "svc", steps(then(town.Call("bob")), then("BEGIN"), then("SET LOCAL immuta.binding = ''"), lostStep(), then("ROLLBACK"), sees(asBob))},
		{"a made-up nonce", "alice", steps(then("SET immuta.binding = 'x'"), lostStep(), isAsking("<null>"), then("RESET immuta.binding"), sees(asAlice))},
		{"a token's shape on a primary", "alice", steps(then("SET immuta.binding = '2|99999999999|0000'"), lostStep())},
		{"the request names of other engines mean nothing", "alice", steps(then("SET immuta.impersonate.\"user\" = 'bob'"), sees(asAlice))},
		{"the nonce of before", "svc", steps(then(town.Call("bob")), then("SELECT set_config('play.old', current_setting('immuta.binding'), false) WHERE false"),
			then("DO $$ BEGIN PERFORM set_config('play.old', current_setting('immuta.binding'), false); END $$"), then(town.Call("dora")),
			then("DO $$ BEGIN PERFORM set_config('immuta.binding', current_setting('play.old'), false); END $$"), lostStep(), isAsking("<null>"))},
		{"the nonce of before, after the end", "svc", steps(then(town.Call("bob")), then("DO $$ BEGIN PERFORM set_config('play.old', current_setting('immuta.binding'), false); END $$"),
			then(town.Call("")), then("DO $$ BEGIN PERFORM set_config('immuta.binding', current_setting('play.old'), false); END $$"), lostStep())},
		{"what was fetched as bob is not completed as dora", "svc", steps(then(town.Call("bob")), then("BEGIN"),
			then("DECLARE c CURSOR FOR SELECT dept, ssn FROM hr_gov.lazy"), step{"FETCH c", "d03|<null>"}, then(town.Call("dora")), refusedWith("FETCH c", "42501"), then("ROLLBACK"))},
		{"the same cursor, left alone", "svc", steps(then(town.Call("bob")), then("BEGIN"),
			then("DECLARE c CURSOR FOR SELECT dept, ssn FROM hr_gov.lazy"), step{"FETCH c", "d03|<null>"}, step{"FETCH c", "d03|masked"}, then("COMMIT"))},
		{"a function cannot carry the setting", "svc", steps(then("SET immuta.binding = ''"),
			refusedWith(`CREATE FUNCTION play.quiet() RETURNS text LANGUAGE sql SET immuta.binding = '' AS 'SELECT NULL'`, "42501"))},
		{"a switch inside of a statement", "svc", steps(then(`CREATE OR REPLACE FUNCTION play.hop() RETURNS boolean LANGUAGE plpgsql VOLATILE AS 'BEGIN CALL immuta_procedures.impersonate_user(''dora''); RETURN true; END'`),
			then(town.Call("bob")), refusedWith("SELECT count(*) FROM (SELECT play.hop() OFFSET 0) h, hr_gov.emp", "42501"), sees(asBob))},

		{"prepared, across switches", "svc", steps(then("PREPARE p AS "+seen), then(town.Call("bob")), step{"EXECUTE p", asBob}, then(town.Call("dora")), step{"EXECUTE p", asDora},
			step{"EXECUTE p", asDora}, step{"EXECUTE p", asDora}, step{"EXECUTE p", asDora}, step{"EXECUTE p", asDora}, step{"EXECUTE p", asDora}, then(town.Call("bob")), step{"EXECUTE p", asBob}, then(town.Call("")), step{"EXECUTE p", nothing})},
		{"a cursor of bob's is not dora's", "svc", steps(then(town.Call("bob")), then("BEGIN"), then(cursor), then(town.Call("dora")), refusedWith("FETCH c", "42501"), then("ROLLBACK"), sees(asBob))},
		{"what bob's cursor has found out stays bob's", "svc", steps(then(town.Call("bob")), then("BEGIN"), then(cursor), step{"FETCH c", "d03masked"}, then(town.Call("dora")), step{"FETCH c", "d03masked"}, then("COMMIT"), sees(asDora))},
		{"a cursor of bob's after the end", "svc", steps(then(town.Call("bob")), then("BEGIN"), then(cursor), then(town.Call("")), refusedWith("FETCH c", "42501"), then("ROLLBACK"))},
		{"one's own cursor after a CALL", "alice", steps(then("BEGIN"), then(cursor), then(town.Call("bob")), refusedWith("FETCH c", "42501"), then("ROLLBACK"))},
		{"what was fetched as bob does not show in clear after the nonce is lost", "svc", steps(then(town.Call("bob")), then("BEGIN"),
			then("DECLARE c CURSOR FOR SELECT dept, ssn FROM hr_gov.lazy"), step{"FETCH c", "d03|<null>"}, then("SET LOCAL immuta.binding = ''"), refusedWith("FETCH c", "42501"), then("ROLLBACK"))},
		{"WITH HOLD is frozen at the commit", "svc", steps(then(town.Call("bob")), then("BEGIN"), then("DECLARE h CURSOR WITH HOLD FOR SELECT dept || ssn FROM hr_gov.emp ORDER BY id"), then("COMMIT"), then(town.Call("dora")),
			step{"FETCH h", "d03masked"}, then("CLOSE h"), sees(asDora))},
		{"REPEATABLE READ across a switch", "svc", steps(then(town.Call("bob")), then("BEGIN ISOLATION LEVEL REPEATABLE READ"), sees(asBob), then(town.Call("dora")), sees(asDora), then("COMMIT"), sees(asDora))},
		{"SERIALIZABLE", "svc", steps(then("BEGIN ISOLATION LEVEL SERIALIZABLE"), then(town.Call("bob")), sees(asBob), then("COMMIT"), sees(asBob))},
		{"READ ONLY cannot note it", "svc", steps(then("BEGIN READ ONLY"), refusedWith(town.Call("bob"), "25006"), then("ROLLBACK"), isAsking("svc"))},

		{"pinned: accepted stays", "pinsvc", steps(isAsking("<null>"), then(town.Call("bob")), sees(asBob), refusedWith(town.Call("dora"), "42501"), refusedWith(town.Call(""), "42501"), refusedWith(town.Call("nobody"), "42501"), sees(asBob), then(town.Call("BOB")), sees(asBob))},
		{"pinned: refused can be left", "pinsvc", steps(then(town.Call("alice")), sees(nothing), then(town.Call("bob")), sees(asBob))},
		{"pinned: refused can be ended", "pinsvc", steps(then(town.Call("alice")), then(town.Call("")), isAsking("<null>"), then(town.Call("dora")), sees(asDora))},
		{"pinned: the nonce lost", "pinsvc", steps(then(town.Call("bob")), then("DISCARD ALL"), lostStep(), refusedWith(town.Call("dora"), "42501"), refusedWith(town.Call(""), "42501"), lostStep(), then(town.Call("bob")), sees(asBob))},
		{"pinned: a transaction that is rolled back was never accepted", "pinsvc", steps(then("BEGIN"), then(town.Call("bob")), then("ROLLBACK"), then(town.Call("dora")), sees(asDora))},
		{"pinned: the permission withdrawn", "pinsvc", steps(then(town.Call("bob")), admins("DELETE FROM immuta_system.stand_in WHERE actor = 6 AND subject = '2'"), sees(nothing), refusedWith(town.Call("dora"), "42501"),
			refusedWith(town.Call(""), "42501"), refusedWith(town.Call("bob"), "42501"), admins("INSERT INTO immuta_system.stand_in VALUES (6, '2')"), sees(asBob))},

		{"an exempt login is exempt", "etl", steps(step{"SELECT count(*) FROM hr.emp", asExempt})},
		{"but not in another's stead, nor when that was refused", "etl", steps(then(town.Call("bob")), step{"SELECT count(*) FROM hr.emp", "0"}, then(town.Call("")), step{"SELECT count(*) FROM hr.emp", asExempt})},
		{"nor with a lost nonce", "etl", steps(then("SET immuta.binding = 'x'"), refusedWith("SELECT count(*) FROM hr.emp", "42501"))},
		{"a role is no identity", "svc", steps(refusedWith("SET ROLE immuta_owner", "42501"), refusedWith("SET ROLE hr_owner", "42501"), refusedWith("SET SESSION AUTHORIZATION alice", "42501"), then("SET ROLE immuta_governed"), sees(nothing))},
		{"somebody else's session authorization", "postgres", steps(then("SET SESSION AUTHORIZATION svc"), then(town.Call("bob")), sees(asBob), then("SET SESSION AUTHORIZATION alice"), lostStep(), then(town.Call("")), sees(asAlice))},
		{"session_replication_role", "bob", steps(refusedWith("SET session_replication_role = replica", "42501"))},
		{"row_security off", "bob", steps(then("SET row_security = off"), refusedWith(seen, "42501"), then("RESET row_security"), sees(asBob))},
	} {
		t.Run(c.name, func(t *testing.T) { play(t, w, c.login, c.steps) })
	}
}

// What is withdrawn shows with the next statement, whatever the session holds; each is put back and seen again.
func TestWithdrawnInTheMiddle(t *testing.T) {
	w := town.New(t)
	for _, c := range []struct{ name, login, take, give, want string }{
		{"the permission", "svc", "DELETE FROM immuta_system.stand_in WHERE actor = 4 AND subject = '2'", "INSERT INTO immuta_system.stand_in VALUES (4, '2')", nothing},
		{"the membership", "svc", "REVOKE immuta_impersonator FROM svc", "GRANT immuta_impersonator TO svc", nothing},
		{"a native membership", "native", "REVOKE natives FROM native", "GRANT natives TO native; GRANT SELECT ON hr_gov.emp TO native", "ERROR 42501"},
		{"the target", "svc", "DELETE FROM immuta_system.identity WHERE id = 2", "INSERT INTO immuta_system.identity VALUES (2,'bim','bob',true,true,false,'')", nothing},
		{"that the target may be impersonated", "svc", "UPDATE immuta_system.identity SET impersonable = false WHERE id = 2", "UPDATE immuta_system.identity SET impersonable = true WHERE id = 2", nothing},
		{"the actor", "svc", "DELETE FROM immuta_system.identity WHERE id = 4", "INSERT INTO immuta_system.identity VALUES (4,'bim','svc',true,true,false,'')", nothing},
		{"the subscription", "svc", "DELETE FROM immuta_system.member WHERE identity = 2", "INSERT INTO immuta_system.member VALUES ('everybody', 2, 'r')", nothing},
		{"the attribute", "svc", "DELETE FROM immuta_system.value WHERE identity = 2", "INSERT INTO immuta_system.value VALUES (2,'attribute','dept','d03')", nothing},
		{"the source", "svc", "UPDATE immuta_system.source SET serves = false WHERE source = 1", "UPDATE immuta_system.source SET serves = true WHERE source = 1", nothing},
		{"the connection", "svc", "INSERT INTO immuta_system.switch VALUES ('off')", "DELETE FROM immuta_system.switch", nothing},
		{"a slot: half of the policies are none", "svc", "DELETE FROM immuta_system.slot WHERE slot = 2", "INSERT INTO immuta_system.slot VALUES (1, 2, 'fact', 'masked', false, '')", "ERROR 55000"},
		{"the restrictive policy", "svc", "ALTER POLICY stead_1_rows ON hr.emp RENAME TO x", "ALTER POLICY x ON hr.emp RENAME TO stead_1_rows; UPDATE immuta_system.governed g SET rows_xmin = p.xmin::text FROM pg_policy p WHERE p.oid = g.rows_policy", nothing},
		{"FORCE", "svc", "ALTER TABLE hr.emp NO FORCE ROW LEVEL SECURITY", "ALTER TABLE hr.emp FORCE ROW LEVEL SECURITY", nothing},
		{"row security", "svc", "ALTER TABLE hr.emp DISABLE ROW LEVEL SECURITY", "ALTER TABLE hr.emp ENABLE ROW LEVEL SECURITY", nothing},
		{"what tells sessions apart", "svc", "REVOKE pg_read_all_stats FROM immuta_owner", "GRANT pg_read_all_stats TO immuta_owner", "ERROR 42501"},
	} {
		t.Run(c.name, func(t *testing.T) {
			play(t, w, c.login, steps(then(town.Call("bob")), sees(asBob), admins(c.take), sees(c.want), admins(c.give), sees(asBob)))
		})
	}
	play(t, w, "bob", steps(sees(asBob), admins("UPDATE immuta_system.identity SET serves = false WHERE id = 2"), sees(nothing), admins("UPDATE immuta_system.identity SET serves = true WHERE id = 2"), sees(asBob)))
	play(t, w, "etl", steps(step{"SELECT count(*) FROM hr.emp", asExempt}, admins("INSERT INTO immuta_system.switch VALUES ('off')"), step{"SELECT count(*) FROM hr.emp", "0"}, admins("DELETE FROM immuta_system.switch")))
	// Without row security the table itself would be open to whom it is granted; the view is not, and dropping a policy opens nothing.
	play(t, w, "bob", steps(admins("DROP POLICY stead_1_rows ON hr.emp"), sees(nothing), step{"SELECT count(*) FROM hr.emp", "0"}))
}

// Through a listed pooler one connection here is many clients' there: what one transaction asked for is not the next one's.
func TestListedPooler(t *testing.T) {
	w := town.New(t)
	w.Exec(w.Connect("postgres"), "INSERT INTO immuta_system.pooler VALUES ('127.0.0.0/8')")
	for _, c := range []struct {
		name, login string
		steps       []step
	}{
		{"within the transaction", "svc", steps(then("BEGIN"), then(town.Call("bob")), sees(asBob), then(town.Call("dora")), sees(asDora), then("COMMIT"), lostStep(),
			then("BEGIN"), then(town.Call("dora")), sees(asDora), then("COMMIT"), lostStep())},
		{"a CALL of its own is gone with itself", "svc", steps(then(town.Call("bob")), lostStep(), isAsking("<null>"))},
		{"who may impersonate says so even for itself", "svc", steps(isAsking("<null>"), sees(nothing), then("BEGIN"), then(town.Call("")), isAsking("svc"), then("COMMIT"), isAsking("<null>"))},
		{"a refused one", "svc", steps(then("BEGIN"), then(town.Call("alice")), sees(nothing), then("COMMIT"), lostStep(), then("BEGIN"), then(town.Call("bob")), sees(asBob), then("COMMIT"))},
		{"rolled back", "svc", steps(then("BEGIN"), then(town.Call("bob")), then("ROLLBACK"), sees(nothing), isAsking("<null>"))},
		{"the nonce that another client noted", "svc", steps(then("BEGIN"), then(town.Call("bob")), then("DO $$ BEGIN PERFORM set_config('play.old', current_setting('immuta.binding'), false); END $$"), then("COMMIT"),
			then("BEGIN"), then(town.Call("dora")), then("COMMIT"), then("DO $$ BEGIN PERFORM set_config('immuta.binding', current_setting('play.old'), false); END $$"), lostStep())},
		{"who may not impersonate asks for itself", "alice", steps(sees(asAlice), then("BEGIN"), sees(asAlice), then("COMMIT"))},
		{"and is refused when it tries", "alice", steps(then("BEGIN"), then(town.Call("bob")), sees(nothing), then("COMMIT"), lostStep(), then(town.Call("")), sees(asAlice))},
		{"native ones", "native", steps(then("BEGIN"), then(town.Call("bob")), sees(asBob), then("COMMIT"), lostStep())},
		{"pinned: the next client is refused, not bob", "pinsvc", steps(then("BEGIN"), then(town.Call("bob")), sees(asBob), then("COMMIT"), lostStep(), refusedWith(town.Call("dora"), "42501"), lostStep())},
		{"an exempt login that may not impersonate", "etl", steps(step{"SELECT count(*) FROM hr.emp", asExempt})},
	} {
		t.Run(c.name, func(t *testing.T) { play(t, w, c.login, c.steps) })
	}
}

// Nothing that a session makes stands in for what the look-ups use.
func TestShadowing(t *testing.T) {
	w := town.New(t)
	admin := w.Connect("postgres")
	tables := w.Ask(admin, `SELECT string_agg(format('CREATE TEMP TABLE %1$I (LIKE immuta_system.%1$I); ', relname), '' ORDER BY relname) FROM pg_class WHERE relnamespace = 'immuta_system'::regnamespace AND relkind = 'r'`)
	w.Exec(admin, "GRANT USAGE ON SCHEMA immuta_system TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA immuta_system TO mallory; CREATE SCHEMA evil AUTHORIZATION mallory")
	c := w.Connect("mallory")
	w.Exec(c, tables)
	w.Exec(admin, "REVOKE USAGE ON SCHEMA immuta_system FROM PUBLIC; REVOKE ALL ON ALL TABLES IN SCHEMA immuta_system FROM mallory")
	w.Exec(c, `INSERT INTO pg_temp.login VALUES ('mallory', 1, true, false, true); INSERT INTO pg_temp.identity VALUES (5, 'bim', 'mallory', true, true, false, ''), (1, 'bim', 'alice', true, true, false, '');
		INSERT INTO pg_temp.stand_in VALUES (5, '*'); INSERT INTO pg_temp.value VALUES (5, 'attribute', 'dept', 'd01'); INSERT INTO pg_temp.member VALUES ('everybody', 5, 'w');
		INSERT INTO pg_temp.source VALUES (1, 'everybody', true); INSERT INTO pg_temp.slot VALUES (1, 1, 'attribute', 'dept', true, 'd01');
		CREATE TEMP TABLE pg_auth_members AS SELECT g.oid AS roleid, u.oid AS member FROM pg_catalog.pg_roles g, pg_catalog.pg_roles u;
		CREATE TEMP TABLE pg_roles AS SELECT oid, 'immuta_impersonator'::name AS rolname FROM pg_catalog.pg_roles; CREATE TEMP TABLE pg_class AS SELECT * FROM pg_catalog.pg_class; CREATE TEMP TABLE pg_policy (oid oid);`)
	for _, f := range []string{"current_setting(text, boolean) RETURNS text", "pg_backend_pid() RETURNS int", "pg_is_in_recovery() RETURNS boolean", "replace(text, text, text) RETURNS text",
		"inet_client_addr() RETURNS inet", "lower(text) RETURNS text", "cardinality(anyarray) RETURNS int", "strpos(text, text) RETURNS int", "normalize(text, text) RETURNS text",
		"set_config(text, text, boolean) RETURNS text", "pg_stat_get_activity(int) RETURNS int", "starts_with(text, text) RETURNS boolean", "sha256(bytea) RETURNS bytea", "random() RETURNS float8"} {
		w.Exec(c, "CREATE FUNCTION evil."+f+" LANGUAGE plpgsql AS $$ BEGIN RAISE 'evil ran'; END $$")
	}
	w.Exec(c, `CREATE FUNCTION evil.yes(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'; CREATE FUNCTION evil.yes(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true';
		CREATE FUNCTION evil.yes(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT true'; CREATE FUNCTION evil.yes(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
		CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.yes); CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.yes);
		CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.yes); CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.yes)`)
	for _, path := range []string{"pg_temp, evil, pg_catalog, immuta_system", "evil, pg_temp, pg_catalog", "evil", ""} {
		playOn(t, c, admin, steps(then("SELECT pg_catalog.set_config('search_path', '"+path+"', false) WHERE false"), then("SET search_path = "+map[bool]string{true: "''", false: path}[path == ""]),
			step{"SELECT pg_catalog.count(*) OPERATOR(pg_catalog.||) '' FROM hr_gov.emp WHERE dept OPERATOR(pg_catalog.=) 'd05'", "100"}, step{"SELECT pg_catalog.count(*) FROM hr_gov.emp", "100"},
			then(town.Call("alice")), step{"SELECT pg_catalog.count(*) FROM hr_gov.emp", "0"}, then(town.Call("")), step{"SELECT immuta_policies.exempt()", "f"}))
	}
	playOn(t, c, admin, steps(then("SET transform_null_equals = on; SET standard_conforming_strings = off; SET backslash_quote = on; SET quote_all_identifiers = on; SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kolkata'; SET IntervalStyle = sql_standard; SET plan_cache_mode = force_custom_plan; SET client_encoding = 'LATIN1'"),
		step{"SELECT pg_catalog.count(*) FROM hr_gov.emp", "100"}, then(town.Call("alice")), step{"SELECT pg_catalog.count(*) FROM hr_gov.emp", "0"}, then(town.Call(""))))
}
