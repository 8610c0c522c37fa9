package duck

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stead"
)

// touch makes a change of a file visible whatever the resolution of the file system's clock.
func touch(t *testing.T, path string, hour int) {
	t.Helper()
	at := time.Date(2030, 1, 1, hour, 0, 0, 0, time.UTC)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestDrift(t *testing.T) {
	dir := folder(t)
	e := open(t, Config{Address: dir})
	people := define(1, "hr", "people", "hr/people.csv", column("id", "BIGINT"), column("zip", "VARCHAR"))
	pay := define(2, "hr", "pay", "hr/pay.parquet", column("id", "BIGINT"), column("name", "VARCHAR"))
	for _, def := range []*stead.DataSource{people, pay} {
		if err := e.Define(t.Context(), def); err != nil {
			t.Fatal(err)
		}
	}
	c := connect(t, e)
	file := filepath.Join(dir, "hr", "people.csv")
	version, err := e.Check(t.Context(), 1)
	if err != nil || version == "" {
		t.Fatal(version, err)
	}
	if again, err := e.Check(t.Context(), 1); again != version || err != nil {
		t.Error(again, err)
	}

	// the same columns in another order, with other rows: served, by name
	write(t, file, "zip,name,id\n00007,Cy,3\n")
	touch(t, file, 1)
	if again, err := e.Check(t.Context(), 1); again == version || err != nil {
		t.Error(again, err)
	}
	if got := texts(t, c, "SELECT zip FROM wh.hr.people WHERE id = 3"); got != "00007" {
		t.Error(got)
	}

	// a declared column is gone: refused with the reason, and the rest works
	write(t, file, "id,name,postcode\n1,Ana,01234\n")
	touch(t, file, 2)
	for range 2 {
		_, err = e.Check(t.Context(), 1)
		wantCode(t, err, stead.Conflict)
		if !strings.Contains(err.Error(), `column "zip" is gone`) {
			t.Error(err)
		}
	}
	if out, err := tryTexts(t.Context(), c, "SELECT zip FROM wh.hr.people"); err == nil {
		t.Errorf("still served: %s", out)
	}
	if _, err := e.Check(t.Context(), 2); err != nil {
		t.Error(err)
	}

	// a value that is not of the declared type: an error, never a crash or a wrong value
	write(t, file, "id,name,zip\nnot a number,Ana,01234\n")
	touch(t, file, 3)
	if _, err := e.Check(t.Context(), 1); err != nil {
		t.Error(err)
	}
	if _, err := tryTexts(t.Context(), c, "SELECT id::VARCHAR FROM wh.hr.people"); KindOf(err) != "conversion" && KindOf(err) != "invalid input" {
		t.Errorf("%v", err)
	}

	// back as it was
	write(t, file, "id,name,zip\n9,Ana,01234\n")
	touch(t, file, 4)
	if _, err := e.Check(t.Context(), 1); err != nil {
		t.Error(err)
	}
	if got := texts(t, c, "SELECT zip FROM wh.hr.people"); got != "01234" {
		t.Error(got)
	}

	// a type of the data changes
	parquetFile := filepath.Join(dir, "hr", "pay.parquet")
	maker(t, "COPY (SELECT 'x' AS id, 'y' AS name) TO '"+parquetFile+"'")
	touch(t, parquetFile, 5)
	_, err = e.Check(t.Context(), 2)
	wantCode(t, err, stead.Conflict)
	if !strings.Contains(err.Error(), `column "id" is VARCHAR, declared as BIGINT`) {
		t.Error(err)
	}

	// the folder vanishes
	if err := os.RemoveAll(filepath.Join(dir, "hr")); err != nil {
		t.Fatal(err)
	}
	_, err = e.Check(t.Context(), 1)
	wantCode(t, err, stead.Unavailable)
	if err := e.Drop(t.Context(), 1); err != nil {
		t.Error(err)
	}
	_, err = e.Check(t.Context(), 1)
	wantCode(t, err, stead.Unavailable)
}

func TestDefineRefuses(t *testing.T) {
	dir := folder(t)
	outside := filepath.Join(t.TempDir(), "secret.csv")
	write(t, outside, "id\n1\n")
	if err := os.Symlink(outside, filepath.Join(dir, "hr", "link.csv")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(outside), filepath.Join(dir, "linked")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "hr", "pipe.csv"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := open(t, Config{Address: dir})
	id := column("id", "BIGINT")
	if err := e.Define(t.Context(), define(1, "hr", "people", "hr/people.csv", id)); err != nil {
		t.Fatal(err)
	}
	injected := column("id", "BIGINT")
	injected.Type.Native = "BIGINT) AS x FROM read_text('/etc/passwd') --"
	for name, tc := range map[string]struct {
		def  *stead.DataSource
		code stead.Code
	}{
		"case variant of a served table":  {define(2, "HR", "People", "hr/people.csv", id), stead.Conflict},
		"no table":                        {&stead.DataSource{ID: 2, Path: []string{"a"}, Location: "hr/people.csv"}, stead.Invalid},
		"reserved schema":                 {define(2, "Information_Schema", "t", "hr/people.csv", id), stead.Invalid},
		"zero byte":                       {define(2, "a\x00", "t", "hr/people.csv", id), stead.Invalid},
		"no location":                     {define(2, "a", "t", "", id), stead.Invalid},
		"absolute":                        {define(2, "a", "t", outside, id), stead.Invalid},
		"parent":                          {define(2, "a", "t", "../secret.csv", id), stead.Invalid},
		"link to a file outside":          {define(2, "a", "t", "hr/link.csv", id), stead.Invalid},
		"folder linked from outside":      {define(2, "a", "t", "linked/secret.csv", id), stead.Invalid},
		"a pipe":                          {define(2, "a", "t", "hr/pipe.csv", id), stead.Invalid},
		"not data":                        {define(2, "a", "t", "hr/notes.txt", id), stead.Invalid},
		"mixed kinds":                     {define(2, "a", "t", "hr/p*", id), stead.Invalid},
		"nothing there":                   {define(2, "a", "t", "hr/none.csv", id), stead.Unavailable},
		"bad pattern":                     {define(2, "a", "t", "hr/[.csv", id), stead.Unavailable},
		"no columns":                      {define(2, "a", "t", "hr/people.csv"), stead.Invalid},
		"no such column":                  {define(2, "a", "t", "hr/people.csv", column("ID", "BIGINT")), stead.Conflict},
		"native that is more than a type": {define(2, "a", "t", "hr/people.csv", injected), stead.Unsupported},
		"type a file cannot hold":         {define(2, "a", "t", "hr/people.csv", column("id", "NOSUCHTYPE")), stead.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			wantCode(t, e.Define(t.Context(), tc.def), tc.code)
			if _, err := e.Check(t.Context(), 2); err == nil {
				t.Error("served")
			}
		})
	}
	if _, err := e.Check(t.Context(), 1); err != nil {
		t.Error(err)
	}
}

func TestRename(t *testing.T) {
	dir := folder(t)
	e := open(t, Config{Address: dir})
	for _, table := range []string{"people", "People", "persons"} {
		if err := e.Define(t.Context(), define(1, "hr", table, "hr/people.csv", column("id", "BIGINT"))); err != nil {
			t.Fatal(err)
		}
	}
	c := connect(t, e)
	if got := texts(t, c, "SELECT count(*)::VARCHAR FROM wh.hr.persons"); got != "2" {
		t.Error(got)
	}
	if _, err := tryTexts(t.Context(), c, "SELECT id::VARCHAR FROM wh.hr.people"); err == nil {
		t.Error("the old name is still served")
	}
}

func TestCrawlFolder(t *testing.T) {
	dir := folder(t)
	for _, p := range []string{"sales/year=2024/a.parquet", "sales/year=2025/b.parquet"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(p)), 0o755); err != nil {
			t.Fatal(err)
		}
		maker(t, "COPY (SELECT 1::UBIGINT AS amount, 'x'::ENUM('x','y') AS e, TIMESTAMP_NS '2020-01-01 00:00:00' AS ns) TO '"+filepath.Join(dir, p)+"'")
	}
	write(t, filepath.Join(dir, "hr", "broken.parquet"), "no parquet")
	write(t, filepath.Join(dir, "hr", "people.json"), `{"a":1}`)
	write(t, filepath.Join(dir, ".hidden", "x.csv"), "a\n1\n")
	found, err := Crawl(t.Context(), Config{Address: dir})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	e := open(t, Config{Address: dir})
	for i, d := range found {
		line := strings.Join(d.Path, ".") + " " + d.Location + " " + d.Kind
		for k, c := range d.Columns {
			line += " " + c.Name + ":" + d.Natives[k] + ":" + c.Type.String()
		}
		if d.Problem != nil {
			line += " PROBLEM"
		} else if err := e.Define(t.Context(), &stead.DataSource{ID: stead.SourceID(i + 1), Path: d.Path, Location: d.Location, Columns: d.Columns}); err != nil {
			t.Errorf("%s: what was found cannot be registered: %v", line, err)
		}
		lines = append(lines, line)
	}
	want := strings.TrimSpace(`
hr.broken hr/broken.parquet  PROBLEM
hr.events hr/events parquet id:INTEGER:int32
hr.pay hr/pay.parquet parquet id:BIGINT:int name:VARCHAR:text
hr.people hr/people.csv csv id:BIGINT:int name:VARCHAR:text zip:VARCHAR:text
hr.people hr/people.json  PROBLEM
main.orders orders.json json id:BIGINT:int tags:VARCHAR[]:array(text)
main.sales sales parquet amount:UBIGINT:decimal(20,0) e:VARCHAR:text ns:TIMESTAMP_NS:timestamp year:BIGINT:int`)
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	c := connect(t, e)
	if got := texts(t, c, "SELECT year::VARCHAR FROM wh.main.sales ORDER BY year"); got != "2024\n2025" {
		t.Error(got)
	}
}

func TestMatches(t *testing.T) {
	for _, tc := range []struct {
		pattern, name string
		want          bool
	}{
		{"a/*.csv", "a/x.csv", true}, {"a/*.csv", "a/b/x.csv", false}, {"**/x.csv", "x.csv", true}, {"a/**", "a/b/c.csv", true},
		{"a/**", "a", false}, {"a/**/x.csv", "a/b/c/x.csv", true}, {"a/**/x.csv", "a/b/c/y.csv", false}, {"**", "a/b", true}, {"a", "b", false},
	} {
		if got := matches(strings.Split(tc.pattern, "/"), strings.Split(tc.name, "/")); got != tc.want {
			t.Errorf("%s %s: %v", tc.pattern, tc.name, got)
		}
	}
}

func TestTableName(t *testing.T) {
	for location, want := range map[string]string{
		"t": "main|t", "s.t": "s|t", `"a.b"."c""d"`: `a.b|c"d`, `"a".t`: "a|t",
		"": "p|q", ".t": "", "s.": "", "a.b.c": "", `"a`: "", `"a"b`: "", `""`: "",
	} {
		parts, err := tableName(&stead.DataSource{Path: []string{"p", "q"}, Location: location})
		if got := strings.Join(parts, "|"); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", location, got, err)
		}
	}
}

// A source may be defined anew while others read it: each statement sees the old view or
// the new one.
func TestDefineWhileServing(t *testing.T) {
	dir := folder(t)
	e := open(t, Config{Address: dir})
	one := define(1, "hr", "pay", "hr/pay.parquet", column("id", "BIGINT"))
	two := define(1, "hr", "pay", "hr/pay.parquet", column("id", "BIGINT"), column("name", "VARCHAR"))
	if err := e.Define(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for range 3 {
		c := connect(t, e)
		readers.Go(func() {
			for range 50 {
				if got, err := tryTexts(t.Context(), c, "SELECT count(id)::VARCHAR FROM wh.hr.pay"); err != nil || got != "5" {
					t.Errorf("%q, %v", got, err)
					return
				}
			}
		})
	}
	for i := range 20 {
		if err := e.Define(t.Context(), []*stead.DataSource{one, two}[i%2]); err != nil {
			t.Error(err)
		}
		if _, err := e.Check(t.Context(), 1); err != nil {
			t.Error(err)
		}
	}
	readers.Wait()
}

// A table that was deleted and registered anew has another id and the same path.
func TestRegisteredAnew(t *testing.T) {
	e := open(t, Config{Address: folder(t)})
	for id := stead.SourceID(1); id <= 2; id++ {
		if err := e.Define(t.Context(), define(id, "hr", "pay", "hr/pay.parquet", column("id", "BIGINT"))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Check(t.Context(), 2); err != nil {
		t.Error(err)
	}
	_, err := e.Check(t.Context(), 1)
	wantCode(t, err, stead.Unavailable)
	wantCode(t, e.Define(t.Context(), define(3, "hr", "PAY", "hr/pay.parquet", column("id", "BIGINT"))), stead.Conflict)
}
