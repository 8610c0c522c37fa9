package duck

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stead"
)

func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "hr", "people.csv"), "id,name,zip\n1,Ana,01234\n2,\"Bo, jr\",99999\n")
	write(t, filepath.Join(dir, "hr", "notes.txt"), "not data")
	write(t, filepath.Join(dir, "orders.json"), `{"id":1,"tags":["a","b"]}`+"\n"+`{"id":2}`+"\n")
	if err := os.MkdirAll(filepath.Join(dir, "hr", "events"), 0o755); err != nil {
		t.Fatal(err)
	}
	maker(t, "COPY (SELECT i AS id, 'x' || i AS name FROM range(5) r(i)) TO '"+filepath.Join(dir, "hr", "pay.parquet")+"' (FORMAT parquet)",
		"COPY (SELECT 1 AS id) TO '"+filepath.Join(dir, "hr", "events", "a.parquet")+"'",
		"COPY (SELECT 2 AS id) TO '"+filepath.Join(dir, "hr", "events", "b[1].parquet")+"'")
	return dir
}

func TestFolder(t *testing.T) {
	dir := folder(t)
	e := open(t, Config{Address: dir})
	for _, def := range []*stead.DataSource{
		define(1, "hr", "people", "hr/people.csv", column("id", "BIGINT"), column("zip", "VARCHAR")),
		define(2, "hr", "pay", "hr/pay.parquet", column("id", "BIGINT"), column("name", "VARCHAR")),
		define(3, "main", "orders", "orders.json", column("id", "BIGINT"), column("tags", "VARCHAR[]")),
		define(4, "hr", "events", "hr/events", column("id", "INTEGER")),
		define(5, "hr", "e\"v", "hr/events/*.parquet", column("id", "INTEGER")),
	} {
		if err := e.Define(t.Context(), def); err != nil {
			t.Fatal(err)
		}
	}
	c := connect(t, e)
	for sql, want := range map[string]string{
		"SELECT zip FROM wh.hr.people ORDER BY id":                                 "01234\n99999",
		"SELECT name FROM wh.hr.pay WHERE id = 3":                                  "x3",
		"SELECT tags::VARCHAR FROM wh.main.orders ORDER BY id":                     "[a, b]\nNULL",
		"SELECT sum(id)::VARCHAR FROM wh.hr.events":                                "3",
		"SELECT count(*)::VARCHAR FROM " + Relation([]string{"hr", "e\"v"}):        "2",
		"SELECT name FROM wh.hr.pay WHERE id = CAST($1 AS BIGINT) AND $2::BOOLEAN": "x4",
	} {
		var args []any
		if strings.Contains(sql, "$1") {
			args = []any{"4", true}
		}
		if got := texts(t, c, sql, args...); got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
	for _, sql := range []string{"SELECT * FROM people", "SELECT * FROM hr.people", "SELECT name FROM wh.hr.people", "SELECT * FROM pay"} {
		if out, err := tryTexts(t.Context(), c, sql); err == nil {
			t.Errorf("%s: resolved to %q", sql, out)
		}
	}
}

// Whatever reaches Prepare or Exec, nothing outside the folder is read and nothing is
// written, attached, loaded or configured.
func TestDoorsAreShut(t *testing.T) {
	dir := folder(t)
	outside := filepath.Join(t.TempDir(), "secret.csv")
	write(t, outside, "a\nsecret\n")
	sibling := dir + "2"
	write(t, filepath.Join(sibling, "s.csv"), "a\nsecret\n")
	t.Cleanup(func() { os.RemoveAll(sibling) })
	base := filepath.Join(t.TempDir(), "d.db")
	maker(t, "ATTACH '"+base+"' AS d", "CREATE TABLE d.t AS SELECT 1 AS a")
	attempts := []string{
		"SELECT * FROM '" + outside + "'",
		"SELECT * FROM read_csv('" + outside + "')",
		"SELECT content FROM read_text('" + outside + "')",
		"SELECT content FROM read_text('" + dir + "/../" + filepath.Base(filepath.Dir(outside)) + "/secret.csv')",
		"SELECT content FROM read_text('" + sibling + "/s.csv')",
		"SELECT file FROM glob('/etc/*')",
		"SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
		"COPY (SELECT 1) TO '" + dir + "/out.csv'",
		"COPY (SELECT 1) TO '" + filepath.Dir(outside) + "/out.csv'",
		"EXPORT DATABASE '" + dir + "/exp'",
		"ATTACH '" + base + "' AS other",
		"ATTACH ':memory:' AS other",
		"ATTACH '" + dir + "/new.db' AS other",
		"DETACH wh", "LOAD json", "INSTALL httpfs", "LOAD httpfs", "LOAD '" + dir + "/x.duckdb_extension'",
		"SET threads = 1", "SET lock_configuration = false", "SET enable_external_access = true", "SET TimeZone = 'Asia/Tokyo'",
		"RESET threads", "USE wh.hr", "SET search_path = 'wh.hr'", "SET VARIABLE x = 1", "PRAGMA database_list", "PRAGMA enable_profiling",
		"CALL pragma_version()", "CHECKPOINT", "VACUUM", "PREPARE p AS SELECT 1", "EXECUTE p", "EXPLAIN SELECT 1", "EXPLAIN ANALYZE SELECT 1",
		"CREATE SECRET s (TYPE http)", "CREATE PERSISTENT SECRET s (TYPE http)",
		"SELECT 1; SELECT 2", "SELECT 1\x00", "",
	}
	// Exec gets our own text only; these change nothing outside the engine's memory
	harmless := map[string]bool{"PRAGMA database_list": true, "CREATE SECRET s (TYPE http)": true}
	for _, cfg := range []Config{{Address: dir}, {Address: base}, {}} {
		e := open(t, cfg)
		c := connect(t, e)
		for _, sql := range attempts {
			if out, err := tryTexts(t.Context(), c, sql); err == nil {
				t.Errorf("%v: Query %s gave %q", cfg, sql, out)
			}
			if _, err := c.Exec(t.Context(), sql); err == nil && !harmless[sql] {
				t.Errorf("%v: Exec %s was run", cfg, sql)
			}
		}
		for _, sql := range []string{"CREATE TABLE x AS SELECT 1", "DROP VIEW wh.hr.pay", "INSERT INTO wh.hr.pay VALUES (1)", "CREATE MACRO lower(x) AS 1"} {
			if _, err := c.Prepare(sql); KindOf(err) != "permission" && KindOf(err) != "catalog" && KindOf(err) != "binder" {
				t.Errorf("Prepare %s: %v", sql, err)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out.csv")); err == nil {
		t.Error("a file was written")
	}
}

func TestDatabaseFile(t *testing.T) {
	base := filepath.Join(t.TempDir(), "d.db")
	maker(t, "ATTACH '"+base+"' AS d", "CREATE SCHEMA d.\"s.x\"", "CREATE TABLE d.\"s.x\".t (id INTEGER NOT NULL, e ENUM('a','b'))",
		"INSERT INTO d.\"s.x\".t VALUES (1,'b')", "CREATE VIEW d.v AS SELECT 7 AS n")
	e := open(t, Config{Address: base})
	found, err := e.Crawl(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, d := range found {
		if d.Problem != nil {
			t.Fatal(d.Problem)
		}
		names = append(names, d.Kind+" "+d.Location)
		if err := e.Define(t.Context(), &stead.DataSource{ID: stead.SourceID(i + 1), Path: d.Path, Location: d.Location, Columns: d.Columns}); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(names, ", "); got != `view "main"."v", table "s.x"."t"` {
		t.Error(got)
	}
	c := connect(t, e)
	if got := texts(t, c, `SELECT e::VARCHAR FROM wh."s.x".t`); got != "b" {
		t.Error(got)
	}
	if _, err := c.Exec(t.Context(), `INSERT INTO wh_db."s.x".t VALUES (2,'a')`); err == nil {
		t.Error("the database file was written")
	}
}

func TestAddresses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "x.db"), "this is no database")
	for address, code := range map[string]stead.Code{
		filepath.Join(dir, "nothing"): stead.Invalid,
		filepath.Join(dir, "x.db"):    stead.Unavailable,
	} {
		_, err := Open(t.Context(), Config{Address: address})
		wantCode(t, err, code)
	}
}

func TestConnLimit(t *testing.T) {
	e := open(t, Config{Conns: 1})
	c := connect(t, e)
	_, err := e.Conn(t.Context())
	wantCode(t, err, stead.Limit)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	connect(t, e)
}

func TestInterrupt(t *testing.T) {
	e := open(t, Config{})
	c := connect(t, e)
	const endless = "SELECT sum(a.range * b.range)::VARCHAR FROM range(1000000) a, range(1000000) b"
	ctx, cancel := context.WithCancel(t.Context())
	s, err := c.Prepare(endless)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	done := make(chan error, 1)
	go func() {
		rows, err := s.Stream(ctx)
		if err == nil {
			_, err = rows.Next()
			rows.Close()
		}
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || KindOf(err) != "interrupt" {
		t.Fatalf("%v", err)
	}
	if _, err := tryTexts(ctx, c, "SELECT 'x'"); !errors.Is(err, context.Canceled) {
		t.Fatalf("a statement began after the end of its context: %v", err)
	}
	if got := texts(t, c, "SELECT 'again'"); got != "again" {
		t.Error(got)
	}
}

func TestOneStreamAtATime(t *testing.T) {
	e := open(t, Config{})
	c := connect(t, e)
	rows, err := c.Query(t.Context(), "SELECT range::VARCHAR FROM range(100000)")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := rows.Next(); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := c.Prepare("SELECT 1"); KindOf(err) != "connection" {
		t.Fatalf("%v", err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := rows.Next(); n != 0 || err != nil {
		t.Error(n, err)
	}
	if got := texts(t, c, "SELECT 'x'"); got != "x" {
		t.Error(got)
	}
}

func TestTemporaryTables(t *testing.T) {
	e := open(t, Config{Memory: 64 << 20, TempDir: t.TempDir()})
	c, other := connect(t, e), connect(t, e)
	n, err := c.Exec(t.Context(), "CREATE TEMP TABLE copy1 AS SELECT * FROM range(10) r(i) WHERE i > CAST($1 AS BIGINT)", "6")
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(t, c, "SELECT count(*)::VARCHAR FROM temp.main.copy1"); got != "3" || n != 3 {
		t.Error(got, n)
	}
	if _, err := tryTexts(t.Context(), other, "SELECT * FROM temp.main.copy1"); err == nil {
		t.Error("another connection sees the table")
	}
	if _, err := c.Exec(t.Context(), "CREATE TEMP TABLE big AS SELECT list(range) FROM range(100000000)"); KindOf(err) != "out of memory" {
		t.Errorf("%v", err)
	}
	if err := e.Healthy(t.Context()); err != nil {
		t.Error(err)
	}
}
