package catalog

import (
	"context"
	"slices"
	"strings"
	"testing"

	"stead"
)

func TestPathDecidesWhatIsVisibleUnqualified(t *testing.T) {
	e := open(t, Config{})
	set := boss()
	set.Path = []string{"vault"}
	_, rows, err := answer(t, e, set, recorded{sql: "SELECT current_schema(), current_schemas(false), to_regclass('hr_data'), to_regclass('demo.hr_data'), 20002::regclass, 20006::regclass, pg_table_is_visible(20002), pg_table_is_visible(20006)"})
	want := []string{"vault", "[vault]", "NULL", "20002", "demo.hr_data", "secrets", "false", "true"}
	if err != nil || !slices.Equal(rows[0], want) {
		t.Errorf("%v %v, want %v", rows, cause(err), want)
	}
}

func TestNullsAndNamesAreAsInPostgreSQL(t *testing.T) {
	e := open(t, Config{})
	names, rows, err := answer(t, e, people(), recorded{sql: "SELECT v, count(*), current_user, v::text, CASE WHEN true THEN 1 END, 1, coalesce(v, 0) FROM (VALUES (1), (NULL), (2)) AS t(v) GROUP BY v ORDER BY v DESC"})
	if err != nil {
		t.Fatal(cause(err))
	}
	if want := []string{"v", "count", "current_user", "v", "case", "?column?", "coalesce"}; !slices.Equal(names, want) {
		t.Errorf("names %v, want %v", names, want)
	}
	if rows[0][0] != "NULL" || rows[1][0] != "2" || rows[2][0] != "1" {
		t.Errorf("rows %v", rows)
	}
}

func TestSnapshotsAreKeptSharedAndDropped(t *testing.T) {
	ctx := context.Background()
	e := open(t, Config{Snapshots: 2})
	held := hold(t, e, people())
	again := hold(t, e, people())
	if held != again {
		t.Error("equal sets have two schemas")
	}
	for _, u := range []string{"b", "c", "d", "e"} {
		set := people()
		set.User = u
		s, err := e.Snapshot(ctx, set)
		if err != nil {
			t.Fatal(cause(err))
		}
		s.Release()
	}
	_, rows, err := answer(t, e, people(), recorded{sql: "SELECT count(*) FROM pg_tables WHERE schemaname = 'demo'"})
	if err != nil || rows[0][0] != "2" {
		t.Errorf("a schema in use is gone: %v %v", rows, cause(err))
	}
	if n := e.used.Len(); n > 2 {
		t.Errorf("%d schemas are kept, 2 are allowed", n)
	}
}

func TestSetOf(t *testing.T) {
	src := &stead.DataSource{ID: 7, Path: []string{"demo", "t"}, Columns: []stead.Column{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	columns := []stead.ColumnDecision{{Access: stead.ColumnClear}, {Access: stead.ColumnDenied}, {Access: stead.ColumnMasked}}
	long := &stead.DataSource{ID: 8, Path: []string{"x", "demo", "t"}}
	s := SetOf("main", "ana", []stead.Decision{{}, {Verdict: stead.Allow}, {Verdict: stead.Allow, Source: long}, {Source: src, Columns: columns},
		{Verdict: stead.Allow, Source: src, Columns: columns}})
	if len(s.Tables) != 1 || len(s.Tables[0].Columns) != 2 {
		t.Fatalf("%+v", s)
	}
	if c := s.Tables[0].Columns; c[0].Num != 1 || !c[0].NotNull || c[1].Num != 3 || c[1].NotNull {
		t.Errorf("%+v", c)
	}
	other := s
	other.User = "bob"
	if s.key() == other.key() {
		t.Error("two users share a key")
	}
}

func TestIsCatalogueName(t *testing.T) {
	for _, c := range []struct {
		path string
		want bool
	}{
		{"pg_class", true}, {"PG_CLASS", true}, {"pg_catalog.pg_class", true}, {"information_schema.tables", true}, {"db.pg_catalog.pg_class", true},
		{"tables", false}, {"demo.pg_class", false}, {"pg_catalog.demo.x", false}, {"", false},
	} {
		var path []string
		if c.path != "" {
			path = strings.Split(c.path, ".")
		}
		if IsCatalogueName(path) != c.want {
			t.Errorf("%s: %v", c.path, !c.want)
		}
	}
}
