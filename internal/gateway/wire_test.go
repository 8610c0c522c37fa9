package gateway

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"stead/internal/gateway/wiretest"
)

func TestSimpleProtocol(t *testing.T) {
	s := startServer(t, nil)
	c := s.raw(t, "&application_name=test")
	for _, k := range []struct{ sql, want, state string }{
		{"select 1", "1 [SELECT 1]", ""},
		{"select 1; select 2 as x, null", "1 [SELECT 1] 2|NULL [SELECT 1]", ""},
		{"", "", ""},
		{" ; -- nothing\n ; ", "", ""},
		{"select ';' /* ; */", "; [SELECT 1]", ""},
		{"select 1; selec 2; select 3", "1 [SELECT 1]", "42601"},
		{"select 'abc", "", "42601"},
		{"select $1::int", "", "42P02"},
		{"BEGIN; select 1; COMMIT", "[BEGIN] 1 [SELECT 1] [COMMIT]", ""},
		{"BEGIN; selec", "[BEGIN]", "42601"},
		{"select 1", "", "25P02"},
		{"ROLLBACK", "[ROLLBACK]", ""},
		{"BEGIN; SAVEPOINT a; selec", "[BEGIN] [SAVEPOINT]", "42601"},
		{"ROLLBACK TO a", "[ROLLBACK]", ""},
		{"select 1; RELEASE a; COMMIT", "1 [SELECT 1] [RELEASE] [COMMIT]", ""},
		{"SAVEPOINT a", "", "25P01"},
		{"BEGIN; ROLLBACK TO b", "[BEGIN]", "3B001"},
		{"COMMIT", "[ROLLBACK]", ""},
		{"BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY; END", "[BEGIN] [COMMIT]", ""},
		{"SHOW application_name", "test [SHOW]", ""},
		{"SET application_name TO 'x'; SHOW APPLICATION_NAME; RESET application_name; SHOW application_name", "[SET] x [SHOW] [RESET] test [SHOW]", ""},
		{"BEGIN; SET statement_timeout = '5s'; SHOW statement_timeout; ROLLBACK; SHOW statement_timeout", "[BEGIN] [SET] 5000 [SHOW] [ROLLBACK] 0 [SHOW]", ""},
		{"BEGIN; SET LOCAL application_name = 'y'; SHOW application_name; COMMIT; SHOW application_name", "[BEGIN] [SET] y [SHOW] [COMMIT] test [SHOW]", ""},
		{"SET client_encoding = 'LATIN1'", "", "22023"},
		{"SET NAMES 'utf8'; SET DateStyle = ISO, DMY; SET TIME ZONE 'UTC'", "[SET] [SET] [SET]", ""},
		{"SET threads = 1", "", "42704"},
		{"SET memory_limit = '1GB'", "", "42704"},
		{"SET server_version = '1'", "", "55P02"},
		{"SET search_path = a, \"B c\"; SHOW search_path", "[SET] a, \"B c\" [SHOW]", ""},
		{"SET ROLE admin", "", "0A000"},
		{"SET SESSION AUTHORIZATION DEFAULT; SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "[SET] [SET]", ""},
		{"DISCARD ALL; DEALLOCATE ALL; UNLISTEN *; CLOSE ALL; RESET ALL", "[DISCARD ALL] [DEALLOCATE ALL] [UNLISTEN] [CLOSE CURSOR ALL] [RESET]", ""},
		{"LISTEN x", "", "0A000"},
		{"PREPARE p AS select 1", "", "0A000"},
		{"COPY t FROM STDIN", "", "0A000"},
		{"COPY t TO '/tmp/x'", "", "0A000"},
		{"COPY t TO PROGRAM 'x'", "", "0A000"},
	} {
		got, err := wiretest.Ask(t, c, k.sql)
		if got != k.want || wiretest.State(err) != k.state {
			t.Errorf("%s\n got %s (%s)\nwant %s (%s)", k.sql, got, wiretest.State(err), k.want, k.state)
		}
	}
}

func TestImpersonationSetting(t *testing.T) {
	s := startServer(t, nil)
	c := s.raw(t, "")
	for _, k := range []struct{ sql, want, state string }{
		{"SHOW immuta.impersonate.user", " [SHOW]", ""},
		{"SET immuta.impersonate.user = 'smwilliams@example.com'; SHOW immuta.impersonate.user", "[SET] smwilliams@example.com [SHOW]", ""},
		{"set immuta.impersonate.user=ana@example.com; show immuta.impersonate.user", "[SET] ana@example.com [SHOW]", ""},
		{"SET Immuta.Impersonate.User TO 'bim:x y'; SHOW immuta.impersonate.user", "[SET] bim:x y [SHOW]", ""},
		{"set immuta.impersonate.user=; show immuta.impersonate.user", "[SET]  [SHOW]", ""},
		{"set immuta.impersonate.user=a b", "", "42601"},
		{"set immuta.impersonate.user='a'; BEGIN", "[SET] [BEGIN]", ""},
		{"set immuta.impersonate.user='b'", "", "25001"},
		{"ROLLBACK; show immuta.impersonate.user", "[ROLLBACK] a [SHOW]", ""},
		{"SET LOCAL immuta.impersonate.user = 'b'", "", "25001"},
		{"set immuta.impersonate.user='nobody'", "", "42501"},
		{"select 1", "", "42501"},
		{"show immuta.impersonate.user", "nobody [SHOW]", ""},
		{"reset immuta.impersonate.user; select 1", "[RESET] 1 [SELECT 1]", ""},
		{"set immuta.impersonate.user='a'; DISCARD ALL; show immuta.impersonate.user", "[SET] [DISCARD ALL]  [SHOW]", ""},
		{"set immuta.project='p'; show immuta.project; reset immuta.project; show immuta.project", "[SET] p [SHOW] [RESET]  [SHOW]", ""},
		{"set other.impersonate.user='x'", "", "42704"},
	} {
		got, err := wiretest.Ask(t, c, k.sql)
		if got != k.want || wiretest.State(err) != k.state {
			t.Errorf("%s\n got %s (%s)\nwant %s (%s)", k.sql, got, wiretest.State(err), k.want, k.state)
		}
	}
	c = s.raw(t, "&options=-c%20immuta.impersonate.user%3Dbob")
	if got, _ := wiretest.Ask(t, c, "set immuta.impersonate.user='a'; RESET ALL; show immuta.impersonate.user"); got != "[SET] [RESET] bob [SHOW]" {
		t.Errorf("RESET ALL goes back to the start-up option: %s", got)
	}
	_, err := pgconn.Connect(t.Context(), s.dsn("&options=-c%20immuta.impersonate.user%3Dnobody"))
	if wiretest.State(err) != "42501" {
		t.Errorf("a refused start-up impersonation: %v", err)
	}
}

func TestSignIn(t *testing.T) {
	s := startServer(t, nil)
	for _, k := range []struct{ user, password, database, state string }{
		{"ana", "secret", "main", ""},
		{"ana", "wrong", "main", "28P01"},
		{"carol", "secret", "main", "28P01"},
		{"ana", "secret", "missing", "3D000"},
	} {
		c, err := pgconn.Connect(t.Context(), "postgres://"+k.user+":"+k.password+"@"+s.addr+"/"+k.database+"?sslmode=disable")
		if wiretest.State(err) != k.state {
			t.Errorf("%v: %v", k, err)
		}
		if err == nil {
			_ = c.Close(t.Context())
		}
	}
	if !s.sessions.noted("refused carol") || !s.sessions.noted("refused ana") {
		t.Error("refused logins are not reported")
	}
}

func TestExtendedProtocol(t *testing.T) {
	s := startServer(t, nil)
	c := s.connect(t, "")
	var n int64
	var text string
	if err := c.QueryRow(t.Context(), "select $1::bigint + 1, $2::varchar", int64(41), "x").Scan(&n, &text); err != nil || n != 42 || text != "x" {
		t.Fatalf("%d %q %v", n, text, err)
	}
	rows, err := c.Query(t.Context(), "select i from range(100000) t(i)")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(sum) != 100000 || sum[99999] != 99999 {
		t.Fatalf("%d rows, %v", len(sum), err)
	}
	if _, err := c.Exec(t.Context(), "selec $1", 1); wiretest.State(err) != "42601" {
		t.Fatal(err)
	}
	var one int32
	if err := c.QueryRow(t.Context(), "select 1::int").Scan(&one); err != nil || one != 1 {
		t.Fatal("the connection does not go on after an error", err)
	}
	batch := &pgx.Batch{}
	for range 3 {
		batch.Queue("select 7::int")
	}
	br := c.SendBatch(t.Context(), batch)
	for range 3 {
		if err := br.QueryRow().Scan(&one); err != nil || one != 7 {
			t.Fatal(err)
		}
	}
	if err := br.Close(); err != nil {
		t.Fatal(err)
	}
	if !s.sessions.noted("outcome 100000 rows, error false") {
		t.Error("no outcome")
	}
}
