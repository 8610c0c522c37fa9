package catalog

import (
	"context"
	"strings"
	"testing"

	"stead"
	"stead/policy/expr"
)

// boss sees a table that ana does not.
func boss() Set {
	s := people()
	s.User = "boss"
	s.Tables = append(s.Tables, Table{ID: 3, Schema: "vault", Name: "secrets", Comment: "hidden words",
		Columns: []Column{{1, "secret_word", expr.TextType, false}}})
	return s
}

func hold(t testing.TB, e *Engine, set Set) *Schema {
	t.Helper()
	s, err := e.Snapshot(context.Background(), set)
	if err != nil {
		t.Fatal(cause(err))
	}
	t.Cleanup(s.Release)
	return s
}

func TestWhatIsNotOnTheListsIsRefused(t *testing.T) {
	e := open(t, Config{})
	hold(t, e, boss())
	s := hold(t, e, people())
	for sql, code := range map[string]stead.Code{
		"SELECT * FROM duckdb_tables()":                                       stead.Unsupported,
		"SELECT * FROM duckdb_columns":                                        stead.NotFound,
		"SELECT * FROM sqlite_master":                                         stead.NotFound,
		"SELECT * FROM system.pg_catalog.pg_tables":                           stead.NotFound,
		"SELECT * FROM system.information_schema.tables":                      stead.NotFound,
		"SELECT * FROM memory.s1.pg_class":                                    stead.NotFound,
		"SELECT * FROM s1.pg_class":                                           stead.NotFound,
		"SELECT * FROM s1.x_own_rel":                                          stead.NotFound,
		"SELECT * FROM base.pg_type":                                          stead.NotFound,
		"SELECT * FROM x_rel":                                                 stead.NotFound,
		"SELECT * FROM pg_catalog.x_own_rel":                                  stead.NotFound,
		"SELECT * FROM pg_nothing":                                            stead.NotFound,
		"SELECT * FROM information_schema.is_tables":                          stead.NotFound,
		"SELECT * FROM 'people.csv'":                                          stead.NotFound,
		"SELECT * FROM read_csv('people.csv')":                                stead.Unsupported,
		"SELECT * FROM query('SELECT 1')":                                     stead.Unsupported,
		"SELECT * FROM query_table('pg_tables')":                              stead.Unsupported,
		"SELECT * FROM pragma_database_list()":                                stead.Unsupported,
		"SELECT * FROM glob('*')":                                             stead.Unsupported,
		"SELECT getenv('HOME')":                                               stead.Unsupported,
		"SELECT nspname.getenv() FROM pg_namespace":                           stead.Unsupported,
		"SELECT pg_catalog.getenv('HOME')":                                    stead.Unsupported,
		"SELECT system.main.getenv('HOME')":                                   stead.Unsupported,
		"SELECT read_text('people.csv')":                                      stead.Unsupported,
		"SELECT current_query()":                                              stead.Unsupported,
		"SELECT getvariable('x')":                                             stead.Unsupported,
		"SELECT set_config('search_path', 'x', false)":                        stead.Unsupported,
		"SELECT pgc.version()":                                                stead.Unsupported,
		"SELECT s1.current_user()":                                            stead.Unsupported,
		"SELECT x_read_only('SELECT')":                                        stead.Unsupported,
		"SELECT nextval('s')":                                                 stead.Unsupported,
		"SELECT repeat('x', 500000000)":                                       stead.Unsupported,
		"SELECT list_transform([1], lambda x: x)":                             stead.Unsupported,
		"SELECT getenv('HOME') OVER () FROM pg_class":                         stead.Unsupported,
		"SELECT 1 FROM pg_class WHERE oid IN (SELECT oid FROM duckdb_tables)": stead.NotFound,
		"SELECT (WITH pg_x AS (SELECT 1) SELECT 1 FROM pg_x), * FROM pg_x":    stead.NotFound,
		"WITH pg_y AS (SELECT * FROM pg_z), pg_z AS (SELECT 1) SELECT 1":      stead.NotFound,
		"SELECT 'x'::mood":                                                    stead.Unsupported,
		"SELECT x SIMILAR TO 'y' FROM pg_class":                               stead.Unsupported,
		"SHOW TABLES":                                                         stead.Unsupported,
		"DESCRIBE pg_class":                                                   stead.Unsupported,
		"SUMMARIZE pg_class":                                                  stead.Unsupported,
		"SELECT * FROM pg_class TABLESAMPLE 1%":                               stead.Unsupported,
		"SELECT * FROM pg_class USING SAMPLE 1":                               stead.Unsupported,
		"SELECT 1; SELECT 2":                                                  stead.Unsupported,
		"CREATE TABLE t (a int)":                                              stead.Invalid,
		"ATTACH 'x.db'":                                                       stead.Invalid,
		"SET search_path = 's1'":                                              stead.Invalid,
		"":                                                                    stead.Unsupported,
		"SELECT":                                                              stead.Invalid,
		"SELECT " + strings.Repeat("(", 300):                                  stead.Invalid,
		"SELECT " + strings.Repeat("1+", 300) + "1":                           stead.Limit,
		strings.Repeat(" ", maxStatement+1):                                   stead.Limit,
	} {
		out, err := s.Rewrite(context.Background(), sql, nil)
		if err == nil || stead.CodeOf(err) != code {
			t.Errorf("%.80q: %v, want %v\n%s", sql, cause(err), code, out)
		}
	}
}

// Whatever a client asks, nothing of a table that is hidden from it comes back: neither
// name nor comment nor column, and asking for it is as asking for what does not exist.
func TestHiddenTablesAreNotThere(t *testing.T) {
	e := open(t, Config{})
	hold(t, e, boss())
	var queries []recorded
	for _, file := range []string{"psql", "jdbc", "sqlalchemy", "dbt", "tools", "types"} {
		queries = append(queries, readRecorded(t, file+".sql")...)
	}
	for _, sql := range []string{
		"SELECT * FROM pg_class", "SELECT * FROM pg_attribute", "SELECT * FROM pg_type", "SELECT * FROM pg_namespace", "SELECT * FROM pg_roles",
		"SELECT * FROM pg_description", "SELECT * FROM pg_stats", "SELECT * FROM pg_stat_user_tables", "SELECT * FROM information_schema.schemata",
		"SELECT * FROM information_schema.columns", "SELECT * FROM information_schema.tables", "SELECT * FROM information_schema.table_privileges",
		"SELECT current_schemas(true), pg_get_userbyid(10), col_description(20006, 1), obj_description(20006, 'pg_class'), 20006::regclass",
		"WITH pg_tables AS (SELECT * FROM pg_tables) SELECT * FROM pg_tables",
		"WITH RECURSIVE pg_x AS (SELECT tablename FROM pg_tables UNION SELECT tablename FROM pg_x) SELECT * FROM pg_x",
	} {
		queries = append(queries, recorded{sql: sql})
	}
	for _, q := range queries {
		names, rows, err := answer(t, e, people(), q)
		if err != nil {
			t.Errorf("%v\n%s", cause(err), q.sql)
		}
		for _, r := range append(rows, names) {
			if line := strings.ToLower(strings.Join(r, "|")); strings.Contains(line, "secret") || strings.Contains(line, "vault") || strings.Contains(line, "hidden") || strings.Contains(line, "boss") {
				t.Errorf("%q came back from\n%s", line, q.sql)
			}
		}
	}
	for _, pair := range [][2]string{
		{"SELECT 'vault.secrets'::regclass", "SELECT 'vault.nothing'::regclass"},
		{"SELECT to_regclass('secrets')", "SELECT to_regclass('nothing')"},
		{"SELECT has_table_privilege('vault.secrets'::regclass, 'SELECT')", "SELECT has_table_privilege('vault.nothing'::regclass, 'SELECT')"},
		{"SELECT 'vault'::regnamespace", "SELECT 'nowhere'::regnamespace"},
	} {
		_, hidden, err1 := answer(t, e, people(), recorded{sql: pair[0]})
		_, missing, err2 := answer(t, e, people(), recorded{sql: pair[1]})
		if err1 != nil || err2 != nil {
			t.Fatal(cause(err1), cause(err2))
		}
		if h, m := hidden[0][0], missing[0][0]; h != m && strings.NewReplacer("secrets", "nothing", "vault", "nowhere").Replace(h) != m {
			t.Errorf("%s gives %q, %s gives %q", pair[0], h, pair[1], m)
		}
	}
	_, seen, err := answer(t, e, boss(), recorded{sql: "SELECT 'vault.secrets'::regclass::oid"})
	if err != nil || seen[0][0] != "20006" {
		t.Errorf("who may see it finds %v %v", seen, err)
	}
}
