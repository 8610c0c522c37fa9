package conformance

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const policiesFile = `
kind: User
name: ana
attributes: {department: [Sales]}
---
kind: Purpose
name: Care
subpurposes: [{name: Care.Home}]
---
kind: DataSource
connectionKey: wh
nameTemplate: {dataSourceFormat: "<tablename>"}
sources:
  - {schema: hr, table: staff, tags: {table: [HR], columns: [{columnName: ssn, tags: [PII]}]}}
---
kind: Policy
policyKey: open
name: Open
type: subscription
actions: {type: anyone, automaticSubscription: true}
circumstances: [{type: dataSources, dataSources: ["wh:hr.staff"]}]
---
kind: Policy
policyKey: pii
name: PII
type: data
actions: [{rules: [{type: Masking, config: {fields: [{type: columnTags, columnTag: PII}], maskingConfig: {type: Partial, keepLast: 2}}}]}]
circumstances: [{type: all}]
`

const casesFile = `
kind: Test
name: holds
tables: [{source: hr.staff, columns: [{name: id, type: int}, {name: ssn, type: text}], rows: [[1, "123"], [2, null]]}]
asker: {user: ana}
expect: {rows: [[1, "*23"], [2, null]], kinds: {ssn: partial}, reasons: ["masked pii ssn"]}
---
kind: Test
name: wrong rows
tables: [{source: hr.staff, columns: [{name: id, type: int}, {name: ssn, type: text}], rows: [[1, "123"]]}]
asker: {user: ana}
expect: {rows: [[1, "123"]]}
---
kind: Test
name: wrong denial, kind and reason
tables: [{source: hr.staff, columns: [{name: id, type: int}, {name: ssn, type: text}], rows: []}]
asker: {user: ana}
expect: {rows: [], kinds: {id: "null"}, reasons: [because]}
---
kind: Test
name: nobody
tables: [{source: hr.staff, columns: [{name: id, type: int}, {name: ssn, type: text}], rows: []}]
asker: {user: eve}
expect: {rows: []}
---
kind: Test
name: excepted
tables: [{source: hr.staff, columns: [{name: id, type: int}, {name: ssn, type: text}], rows: []}]
asker: {user: eve}
query: select 1
expect: {rows: []}
exceptions: {interpreter: reads no SQL}
`

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestUsersCases: policies and cases in different files; what fails says how, and is counted.
func TestUsersCases(t *testing.T) {
	dir := write(t, map[string]string{"policies.yaml": policiesFile, "cases.yaml": casesFile, "notes.txt": "not read"})
	var out bytes.Buffer
	s, err := TestPath(t.Context(), &out, true, dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Summary{Cases: 5, Engines: 1, Failed: 3, Exceptions: 1}); s != want {
		t.Errorf("%+v", s)
	}
	for _, want := range []string{"ok   interpreter: holds\n", "cases.yaml:8:1: wrong rows\n    got   \"1\" | \"*23\"\n    wants \"1\" | \"123\"\n",
		`no reason says "because"`, `column "id" is masked as "", not "null"`, `denied "unauthenticated"`,
		"\nconformance: 5 cases, 1 engines, 3 failed, 1 declared exceptions\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestBadCases(t *testing.T) {
	const table = "kind: Test\nname: x\ntables: [{source: a.b, columns: [{name: id, type: int}], rows: [[1]]}]\nasker: {user: ana}\nexpect: {}\n"
	for _, c := range []struct{ text, want string }{
		{"", "there are no cases"},
		{"kind: Test\nname: x\nasker: {user: ana}\nexpect: {}\n", "tables"},
		{table + "expects: {}\n", "expects"},
		{strings.Replace(table, "[[1]]", "[[1, 2]]", 1), "has 2 values, not 1"},
		{strings.Replace(table, "[[1]]", "[[x]]", 1), "\"x\" is not a value of type int"},
		{strings.Replace(table, "[[1]]", `[["007"]]`, 1), "not a value of type int"},
		{strings.Replace(table, "user: ana", "user: ana, at: noon", 1), "is not a time"},
		{table + "---\nkind: Wish\nname: y\n", `"Wish"`},
		{table + "---\nkind: Policy\npolicyKey: p\nsurprise: 1\n", "is not a member"},
	} {
		var out bytes.Buffer
		_, err := TestPath(t.Context(), &out, false, write(t, map[string]string{"x.yaml": c.text}))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngave %v, not %q", c.text, err, c.want)
		}
	}
	if _, err := TestPath(t.Context(), &bytes.Buffer{}, false, "no/such/place"); err == nil {
		t.Error("a path that is not there gives no error")
	}
	dir := write(t, map[string]string{"x.yaml": table})
	if _, err := Run(t.Context(), &bytes.Buffer{}, Options{Paths: []string{dir}, Engines: []string{"abacus"}}); err == nil || !strings.Contains(err.Error(), "abacus") {
		t.Error(err)
	}
}
