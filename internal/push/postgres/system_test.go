package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"stead/internal/pgserver"
	"stead/internal/push"
)

// town is a database with our objects and one governed table, made by hand as documented: hr.emp of 900 rows, 100 a department.
// alice sees d01 and d02, bob d03, dora d04, mallory d05; svc sees nothing itself. bob's rule masks the
// number where a fact holds, so that losing the fact would show it.
type town struct {
	t      *testing.T
	server *pgserver.Server
}

const townSQL = `
CREATE ROLE hr_owner NOLOGIN; CREATE ROLE etl LOGIN IN ROLE hr_owner; CREATE ROLE natives NOLOGIN IN ROLE immuta_impersonator;
CREATE ROLE alice LOGIN IN ROLE immuta_governed; CREATE ROLE bob LOGIN IN ROLE immuta_governed; CREATE ROLE dora LOGIN IN ROLE immuta_governed;
CREATE ROLE mallory LOGIN IN ROLE immuta_governed; CREATE ROLE svc LOGIN IN ROLE immuta_governed, immuta_impersonator;
CREATE ROLE pinsvc LOGIN IN ROLE immuta_governed, immuta_impersonator; CREATE ROLE onlysvc LOGIN IN ROLE immuta_governed, immuta_impersonator;
CREATE ROLE native LOGIN IN ROLE natives; CREATE ROLE stranger LOGIN IN ROLE immuta_governed;
CREATE ROLE former LOGIN IN ROLE immuta_governed, immuta_impersonator;
INSERT INTO immuta_system.identity (id, iam, name, serves, impersonable, limited, key) VALUES
 (1,'bim','alice',true,true,false,''), (2,'bim','bob',true,true,false,''), (3,'bim','dora',true,true,false,'project/apollo'), (4,'bim','svc',true,true,false,''),
 (5,'bim','mallory',true,true,false,''), (6,'bim','pinsvc',true,true,false,''), (7,'bim','root',true,false,false,''), (8,'okta','bob',true,true,false,''),
 (9,'bim','émile o''neil',true,true,false,''), (10,'bim','onlysvc',true,true,false,''), (11,'bim','former',true,true,false,''), (12,'bim','idle',false,true,false,''),
 (13,'bim','limited',true,true,true,'');
INSERT INTO immuta_system.login VALUES ('alice',1,true,false,false), ('bob',2,true,false,false), ('dora',3,true,false,false), ('svc',4,true,false,false),
 ('mallory',5,true,false,false), ('pinsvc',6,false,true,false), ('onlysvc',10,false,false,false), ('former',11,true,false,false), ('etl',NULL,false,false,true);
INSERT INTO immuta_system.stand_in VALUES (4,'2'), (4,'3'), (4,'7'), (4,'12'), (4,'13'), (6,'2'), (6,'3'), (10,'2');
INSERT INTO immuta_system.membership VALUES ('svc'), ('pinsvc'), ('onlysvc'), ('former');
INSERT INTO immuta_system.value VALUES (1,'attribute','dept','d01'), (1,'attribute','dept','d02'), (2,'attribute','dept','d03'), (3,'attribute','dept','d04'),
 (5,'attribute','dept','d05'), (8,'attribute','dept','d08'), (9,'attribute','dept','d09'), (13,'attribute','dept','d07');
INSERT INTO immuta_system.fact VALUES ('masked', 2), ('masked', 1);
INSERT INTO immuta_system.member SELECT 'everybody', g, 'r' FROM generate_series(1, 13) g;
INSERT INTO immuta_system.member VALUES ('everybody', 1, 'w');
INSERT INTO immuta_system.source VALUES (1, 'everybody', true), (2, 'everybody', false);
INSERT INTO immuta_system.slot VALUES (1, 1, 'attribute', 'dept', false, ''), (1, 2, 'fact', 'masked', false, ''), (1, 3, 'group', '', true, 'nobody''s');
CREATE SCHEMA hr AUTHORIZATION hr_owner; GRANT USAGE ON SCHEMA hr TO immuta_governed, immuta_owner;
SET ROLE hr_owner;
CREATE TABLE hr.emp (id int PRIMARY KEY, name text, dept text, ssn text);
INSERT INTO hr.emp SELECT g, 'n' || g, 'd0' || (1 + g % 9), '00000' || (1000 + g) FROM generate_series(1, 900) g;
ALTER TABLE hr.emp ENABLE ROW LEVEL SECURITY; ALTER TABLE hr.emp FORCE ROW LEVEL SECURITY;
CREATE POLICY stead_1_rows ON hr.emp AS RESTRICTIVE TO immuta_governed, immuta_owner
 USING ((SELECT immuta_policies.reads(1)) AND dept = ANY ((SELECT immuta_policies.texts(1, 1))::text[]));
CREATE POLICY stead_1_open ON hr.emp FOR SELECT TO immuta_governed, immuta_owner USING ((SELECT immuta_policies.intact(1)));
CREATE POLICY stead_1_owner ON hr.emp TO hr_owner USING ((SELECT immuta_policies.exempt())) WITH CHECK ((SELECT immuta_policies.exempt()));
GRANT SELECT (id, name, dept) ON hr.emp TO immuta_governed; GRANT SELECT ON hr.emp TO immuta_owner;
RESET ROLE;
CREATE SCHEMA hr_gov AUTHORIZATION immuta_owner; GRANT USAGE ON SCHEMA hr_gov TO immuta_governed;
SET ROLE immuta_owner;
CREATE VIEW hr_gov.emp WITH (security_barrier) AS SELECT id, name, dept, CASE WHEN (SELECT immuta_policies.holds(1, 2)) THEN 'masked' ELSE ssn END AS ssn FROM hr.emp
 WHERE (SELECT immuta_policies.intact(1));
CREATE VIEW hr_gov.lazy WITH (security_barrier) AS SELECT id, dept, CASE WHEN id > 2 THEN CASE WHEN (SELECT immuta_policies.holds(1, 2)) THEN 'masked' ELSE ssn END END AS ssn FROM hr.emp;
GRANT SELECT ON hr_gov.emp, hr_gov.lazy TO immuta_governed;
INSERT INTO immuta_system.governed (source, schema, name, relation, layout, rows_policy, rows_xmin)
 SELECT 1, 'hr', 'emp', p.polrelid, 'rls', p.oid, p.xmin::text FROM pg_policy p WHERE p.polname = 'stead_1_rows';
RESET ROLE;
CREATE SCHEMA play; GRANT ALL ON SCHEMA play TO PUBLIC; GRANT TEMPORARY ON DATABASE postgres TO PUBLIC;`

func newTown(t *testing.T, conf ...string) *town {
	t.Helper()
	s, err := pgserver.Start(t.Context(), conf...)
	if err != nil {
		t.Fatal(err)
	}
	w := &town{t: t, server: s}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	admin := w.connect("postgres")
	w.bootstrap(admin)
	w.exec(admin, townSQL)
	return w
}

func (w *town) settings() push.Settings {
	s, err := push.ParseSettings(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// bootstrap runs the script, with the event trigger where the connection may.
func (w *town) bootstrap(c *pgx.Conn) {
	w.t.Helper()
	script, err := systemScript(w.settings(), "hr", "one")
	if err != nil {
		w.t.Fatal(err)
	}
	w.exec(c, "BEGIN;"+strings.Join(script, ";\n")+";COMMIT")
}

func (w *town) dsn(role string) string { return w.server.DSN(role, "postgres") }

func (w *town) connect(role string) *pgx.Conn {
	w.t.Helper()
	return dial(w.t, w.dsn(role))
}

func dial(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// log is the server's log so far.
func (w *town) log() string {
	w.t.Helper()
	text, err := os.ReadFile(w.server.LogFile())
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func (w *town) exec(c *pgx.Conn, sql string) {
	w.t.Helper()
	if _, err := c.PgConn().Exec(w.t.Context(), sql).ReadAll(); err != nil {
		w.t.Fatalf("%v\n%.300s", err, sql)
	}
}

// ask runs statements as they are and gives the last one's rows as text, or the error's code.
func ask(ctx context.Context, c *pgx.Conn, sql string) string {
	results, err := c.PgConn().Exec(ctx, sql).ReadAll()
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return "ERROR " + e.Code
	}
	if err != nil {
		return "broken: " + err.Error()
	}
	var rows []string
	if len(results) > 0 {
		for _, r := range results[len(results)-1].Rows {
			var fields []string
			for _, f := range r {
				if f == nil {
					f = []byte("<null>")
				}
				fields = append(fields, string(f))
			}
			rows = append(rows, strings.Join(fields, "|"))
		}
	}
	return strings.Join(rows, ",")
}

func (w *town) ask(c *pgx.Conn, sql string) string { return ask(w.t.Context(), c, sql) }

// seen says which departments a session sees, and how many of them with their real number.
const seen = `SELECT coalesce(string_agg(DISTINCT dept, '+'), 'nothing') || ' ' || count(*) || ' ' || count(*) FILTER (WHERE ssn <> 'masked') FROM hr_gov.emp`

const (
	asAlice, asBob, asDora, nothing = "d01+d02 200 0", "d03 100 0", "d04 100 100", "nothing 0 0"
	asExempt                        = "900"
)

func TestScriptRunsTwiceAndByWhoMay(t *testing.T) {
	w := newTown(t)
	admin := w.connect("postgres")
	before := w.ask(admin, "SELECT key FROM immuta_system.hash_key")
	w.bootstrap(admin)
	if w.ask(admin, "SELECT key FROM immuta_system.hash_key") != before || len(before) != 64 {
		t.Error("the key of tokens changed")
	}
	if got := w.ask(w.connect("bob"), seen); got != asBob {
		t.Error("after the second run bob sees", got)
	}
	digest, err := systemDigest(w.settings())
	if err != nil || w.ask(admin, "SELECT script || version FROM immuta_system.meta") != digest+fmt.Sprint(systemVersion) {
		t.Error("meta does not tell what was run", err)
	}
	w.exec(admin, "CREATE ROLE service LOGIN CREATEROLE")
	w.exec(admin, "CREATE DATABASE other OWNER service")
	other := dial(t, w.server.DSN("service", "other"))
	w.bootstrap(other)
	w.bootstrap(other)
	if got := w.ask(other, "SELECT count(*) FROM immuta_system.meta"); got != "1" {
		t.Error("a role with CREATEROLE cannot read what it made:", got)
	}
	w.exec(admin, "CREATE DATABASE taken")
	taken := dial(t, w.server.DSN("postgres", "taken"))
	w.exec(taken, "CREATE SCHEMA immuta_policies AUTHORIZATION mallory")
	script, err := systemScript(w.settings(), "hr", "one")
	if err != nil {
		t.Fatal(err)
	}
	if got := w.ask(taken, strings.Join(script, ";\n")); got != "ERROR 42P06" {
		t.Error("a schema of somebody else's was taken over:", got)
	}
	w.exec(admin, "UPDATE immuta_system.meta SET version = 99")
	if got := w.ask(admin, strings.Join(script, ";\n")); got != "ERROR 55000" {
		t.Error("a newer version was overwritten:", got)
	}
}

// Everything of ours carries the marker, and nobody reads what is not theirs to read.
func TestSystemObjectsAreMarkedAndClosed(t *testing.T) {
	w := newTown(t)
	admin := w.connect("postgres")
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
		if got := w.ask(admin, sql); got != "" {
			t.Errorf("%s: %s", what, got)
		}
	}
	if got := w.ask(admin, `SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'immuta_policies' AND has_function_privilege('bob', p.oid, 'EXECUTE')`); got != "10" {
		t.Error("look-ups that bob may call:", got)
	}
}

func TestLookUps(t *testing.T) {
	w := newTown(t)
	w.play(t, "bob", steps(step{"SELECT immuta_policies.reads(1), immuta_policies.writes(1), immuta_policies.reads(2), immuta_policies.reads(99)", "t|f|f|f"},
		step{"SELECT immuta_policies.texts(1, 1), immuta_policies.texts(1, 3)", "{d03}|{nobody's}"}, step{"SELECT immuta_policies.holds(1, 2)", "t"},
		refusedWith("SELECT immuta_policies.texts(1, 2)", "55000"), refusedWith("SELECT immuta_policies.holds(1, 1)", "55000"), refusedWith("SELECT immuta_policies.holds(99, 1)", "55000"),
		step{"SELECT immuta_policies.user_name(), immuta_policies.user_iam(), immuta_policies.key_of(1), immuta_policies.exempt()", "bob|bim|source/1|f"},
		step{"SELECT immuta_policies.intact(1), immuta_policies.intact(2)", "t|f"}))
	w.play(t, "alice", steps(step{"SELECT immuta_policies.writes(1), immuta_policies.texts(1, 1)", "t|{d01,d02}"}))
	w.play(t, "dora", steps(step{"SELECT immuta_policies.key_of(1), immuta_policies.holds(1, 2)", "project/apollo|f"}))
	w.play(t, "native", steps(then(call("okta:bob")), step{"SELECT immuta_policies.user_name(), immuta_policies.user_iam()", "bob|okta"}))
	w.play(t, "stranger", steps(step{"SELECT immuta_policies.reads(1), immuta_policies.texts(1, 1), immuta_policies.holds(1, 2), immuta_policies.user_name(), immuta_policies.key_of(1)", "f|<null>|f|<null>|<null>"}))
	w.play(t, "etl", steps(step{"SELECT immuta_policies.exempt()", "t"}))
	w.play(t, "bob", steps(refusedWith("SELECT * FROM immuta_system.hash_key", "42501"), refusedWith("SELECT * FROM immuta_system.binding", "42501"), refusedWith("INSERT INTO immuta_system.stand_in VALUES (2, '*')", "42501"),
		refusedWith("SELECT immuta_system.token('2', '99999999999')", "42501"), refusedWith("SELECT immuta_system.sweep()", "42501"), refusedWith("CREATE FUNCTION immuta_policies.x() RETURNS int LANGUAGE sql AS 'SELECT 1'", "42501")))
}
