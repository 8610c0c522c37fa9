package bundle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTests(t *testing.T) {
	src := `kind: User
name: ana
---
kind: Test
name: a case
given:
  - {kind: Group, name: g, members: [{type: user, name: ana}]}
tables:
  - source: demo.t
    columns: [{name: a, type: "decimal(10,2)", tags: [X]}]
    rows: [["1.50"], [null], [7]]
asker: {user: ana, steps: [{project: p}, {end: project}]}
expect: {rows: [["1.50"]], kinds: {a: hash}}
`
	got, err := Tests("t.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	c := got[0]
	if len(got) != 1 || c.Place.Line != 4 || len(c.Documents) != 2 || c.Documents[1].Kind != "Group" || c.Documents[1].Place.Line != 7 {
		t.Errorf("%+v", got)
	}
	if c.Tables[0].Columns[0].Type.String() != "decimal(10,2)" || len(c.Tables[0].Rows) != 3 || c.Asker.Steps[1].End != "project" {
		t.Errorf("%+v", c)
	}
}

func TestTestsRefuse(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"unknown member", "kind: Test\nname: x\nasker: {user: a}\nexpect: {row: []}\n", "t.yaml:4:10: expect.row: is not a member"},
		{"wrong type", "kind: Test\nname: x\nasker: {user: 7}\nexpect: {}\n", "t.yaml:3:9: asker.user: must be a text, not a number"},
		{"given", "kind: Test\nname: x\nasker: {user: a}\nexpect: {}\ngiven:\n  - {kind: User, nam: a}\n", "t.yaml:6:18: nam: is not a member"},
		{"no kind", "name: x\n", "t.yaml:1:1: kind is missing"},
		{"empty name", "kind: Test\nname: ' '\nasker: {user: a}\nexpect: {}\n", "t.yaml:1:1: name is missing"},
		{"column type", "kind: Test\nname: x\nasker: {user: a}\nexpect: {}\ntables: [{source: a.b, columns: [{name: a, type: nope}]}]\n", "t.yaml:1:1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Tests("t.yaml", []byte(tc.in)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v; want %q", err, tc.want)
			}
		})
	}
}

// TestCorpusReads: the project's own cases are in the form that editors are told.
func TestCorpusReads(t *testing.T) {
	files, err := filepath.Glob("../../policy/testdata/corpus/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Tests(f, src); err != nil {
			t.Error(err)
		}
	}
}

func FuzzTests(f *testing.F) {
	f.Add([]byte("kind: Test\nname: x\nasker: {user: a}\nexpect: {rows: [[1]]}\n"))
	f.Add([]byte("kind: Test\ngiven: [{kind: Test, given: [1]}]\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		tests, err := Tests("t.yaml", src)
		for _, c := range tests {
			if err == nil && strings.TrimSpace(c.Name) == "" {
				t.Error("a test without a name")
			}
		}
	})
}
