package catalog

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stead/internal/gateway/duck"
)

var parameter = regexp.MustCompile(`\$(\d+) = (?:'((?:[^']|'')*)'|NULL)`)

// answer runs a query as a client would and returns its column names and rows as text.
func answer(t testing.TB, e *Engine, set Set, q recorded) ([]string, [][]string, error) {
	t.Helper()
	ctx := context.Background()
	s, err := e.Snapshot(ctx, set)
	if err != nil {
		t.Fatal(cause(err))
	}
	defer s.Release()
	sql, err := s.Rewrite(ctx, q.sql, q.oids)
	if err != nil {
		return nil, nil, err
	}
	c, err := e.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	stmt, err := c.Prepare(sql)
	if err != nil {
		return nil, nil, fmt.Errorf("%w\n%s", err, sql)
	}
	var names []string
	for _, col := range stmt.Columns() {
		names = append(names, col.Name)
	}
	args := slices.Clone(q.args)
	for i, a := range args {
		args[i] = bound(stmt.ParamType(i), a.(string))
	}
	stmt.Close()
	list := make([]string, len(names))
	for i := range list {
		list[i] = fmt.Sprintf("CAST(c%d AS VARCHAR)", i)
	}
	as := make([]string, len(names))
	for i := range as {
		as[i] = fmt.Sprintf("c%d", i)
	}
	rows, err := c.Query(ctx, "SELECT "+strings.Join(list, ", ")+" FROM ("+sql+") AS q("+strings.Join(as, ", ")+")", args...)
	if err != nil {
		return nil, nil, fmt.Errorf("%w\n%s", err, sql)
	}
	defer rows.Close()
	return names, texts(t, rows, len(names)), nil
}

func texts(t testing.TB, rows *duck.Rows, columns int) [][]string {
	var all [][]string
	for {
		n, err := rows.Next()
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return all
		}
		for i := range n {
			row := make([]string, columns)
			for j := range row {
				if v := rows.Column(j); v.Null(i) {
					row[j] = "NULL"
				} else {
					row[j] = string(v.Bytes(i))
				}
			}
			all = append(all, row)
		}
	}
}

var update = flag.Bool("update", false, "write what the recorded queries answer now as what they should answer")

// mostRows keeps the files of answers readable; the number of rows is always compared.
const mostRows = 12

// Every query that a client was seen to send is answered, with the rows and names in testdata.
func TestRecordedQueries(t *testing.T) {
	e := open(t, Config{})
	for _, file := range []string{"psql", "jdbc", "sqlalchemy", "dbt", "tools", "types"} {
		queries := readRecorded(t, file+".sql")
		if len(queries) < 3 {
			t.Fatalf("%s.sql holds %d queries", file, len(queries))
		}
		var got []string
		for i, q := range queries {
			names, rows, err := answer(t, e, people(), q)
			if err != nil {
				t.Errorf("%s, query %d: %s\n%s", file, i+1, cause(err), q.sql)
			}
			lines := []string{fmt.Sprintf("## %d: %d rows", i+1, len(rows)), strings.Join(names, "|")}
			var printed []string
			for _, r := range rows {
				printed = append(printed, strings.ReplaceAll(strings.Join(r, "|"), "\n", "\\n"))
			}
			slices.Sort(printed) // few of the queries ask for a complete order
			lines = append(lines, printed[:min(len(rows), mostRows)]...)
			got = append(got, strings.Join(lines, "\n")+"\n")
		}
		compare(t, file, got)
	}
}

func compare(t *testing.T, file string, got []string) {
	name := "testdata/" + file + ".answers"
	if *update {
		if err := os.WriteFile(name, []byte(strings.Join(got, "")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.SplitAfter(string(text), "\n## ")
	have := strings.SplitAfter(strings.Join(got, ""), "\n## ")
	for i := range max(len(want), len(have)) {
		if i >= len(want) || i >= len(have) || want[i] != have[i] {
			t.Errorf("%s, query %d:\n%s", file, i+1, have[min(i, len(have)-1)])
		}
	}
}
