package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"stead/internal/app"
	"stead/internal/pgserver"
)

// server is a whole stead in this process.
type server struct {
	http, gateway, key, data string
}

func startServer(t *testing.T) *server {
	t.Helper()
	data := filepath.Join(t.TempDir(), "state")
	loaded, errs := app.Load("", func(string) (string, bool) { return "", false },
		map[string]string{"data": data, "http.listen": "127.0.0.1:0", "gateway.listen": "127.0.0.1:0"})
	if len(errs) > 0 {
		t.Fatal(errors.Join(errs...))
	}
	a, err := app.Open(t.Context(), loaded.Config, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan app.Addresses, 1), make(chan error, 1)
	go func() { ended <- a.Serve(ctx, func(at app.Addresses) { ready <- at }) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, a.Close()); err != nil {
			t.Error(err)
		}
	})
	select {
	case at := <-ready:
		return &server{http: at.HTTP, gateway: at.Gateway, key: a.FirstKey, data: data}
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
		return nil
	}
}

// script is a file of command lines with what they must print:
//
//	stead ARGS      runs; everything after it is about this run
//	exit N          its exit status, 0 unless given
//	out TEXT        its standard output contains TEXT; not-out that it does not
//	err TEXT        the same of standard error
//	save NAME       keeps its standard output as $NAME
//	in TEXT         is the standard input of the next run, \n for a line's end
//	env NAME=VALUE  is in the environment from now on
//	sql ROLE QUERY  asks the PostgreSQL server of scripts called postgres*; its answer is as of a run
type script struct {
	t         *testing.T
	vars      map[string]string
	input     string
	pg        *pgserver.Server
	at        string // file:line of the run
	status    int
	want      int
	out, errs string
}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) { runScript(t, f) })
	}
}

func runScript(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	sample(t, work)
	srv := startServer(t)
	s := &script{t: t, vars: map[string]string{"STEAD_URL": srv.http, "STEAD_KEY": srv.key, "ADMIN": srv.key, "WORK": work, "STATE": srv.data, "GATEWAY": srv.gateway}}
	if strings.HasPrefix(filepath.Base(file), "postgres") {
		s.pg = warehouse(t)
		s.vars["DSN"], s.vars["PORT"] = s.pg.DSN(pgserver.Superuser, "hr"), strconv.Itoa(s.pg.Port)
	}
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		rest = os.Expand(rest, func(name string) string { return s.vars[name] })
		s.do(file+":"+strconv.Itoa(i+1), verb, rest)
		if t.Failed() {
			return
		}
	}
	s.settle()
}

// settle checks the exit status of the run before.
func (s *script) settle() {
	if s.at != "" && s.status != s.want {
		s.t.Fatalf("%s: exit status %d, not %d\n%s%s", s.at, s.status, s.want, s.out, s.errs)
	}
	s.at, s.want = "", exitOK
}

func (s *script) do(at, verb, rest string) {
	contains := func(text string, want bool) {
		if strings.Contains(text, rest) != want {
			s.t.Errorf("%s: %s %q; the output is\n%s%s", at, verb, rest, s.out, s.errs)
		}
	}
	switch verb {
	case "stead":
		s.settle()
		s.run(rest)
		s.at = at
	case "sql":
		s.settle()
		s.sql(rest)
		s.at = at
	case "exit":
		s.want = int(rest[0] - '0')
	case "out":
		contains(s.out, true)
	case "not-out":
		contains(s.out, false)
	case "err":
		contains(s.errs, true)
	case "save":
		s.vars[rest] = strings.TrimSpace(s.out)
	case "in":
		s.input = strings.ReplaceAll(rest, `\n`, "\n")
	case "env":
		name, value, _ := strings.Cut(rest, "=")
		s.vars[name] = value
	default:
		s.t.Fatalf("%s: unknown verb %q", at, verb)
	}
}

// sql asks as a role, and prints rows line by line.
func (s *script) sql(line string) {
	role, query, _ := strings.Cut(line, " ")
	s.status, s.out, s.errs = exitOK, "", ""
	c, err := pgconn.Connect(s.t.Context(), s.pg.DSN(role, "hr"))
	if err == nil {
		defer func() { _ = c.Close(context.Background()) }() // the test is over with it
		var results []*pgconn.Result
		results, err = c.Exec(s.t.Context(), query).ReadAll()
		for _, r := range results {
			for _, row := range r.Rows {
				s.out += string(bytes.Join(row, []byte("|"))) + "\n"
			}
		}
	}
	if err != nil {
		s.status, s.errs = exitFailed, err.Error()
	}
}

// warehouse is a PostgreSQL server with a small company.
func warehouse(t *testing.T) *pgserver.Server {
	t.Helper()
	pg, err := pgserver.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, db := range []string{"postgres", "hr"} {
		c, err := pgconn.Connect(t.Context(), pg.DSN(pgserver.Superuser, db))
		if err != nil {
			t.Fatal(err)
		}
		query := "CREATE DATABASE hr"
		if db == "hr" {
			query = warehouseSQL
		}
		if _, err := c.Exec(t.Context(), query).ReadAll(); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return pg
}

const warehouseSQL = `CREATE ROLE keeper LOGIN; CREATE ROLE ana LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE bi LOGIN;
CREATE SCHEMA hr AUTHORIZATION keeper; GRANT USAGE ON SCHEMA hr TO PUBLIC; SET ROLE keeper;
CREATE TABLE hr.people(id int PRIMARY KEY, name text, dept text);
INSERT INTO hr.people VALUES (1, 'Ada', 'Sales'), (2, 'Bela', 'Finance'), (3, 'Cem', 'Sales');
CREATE TABLE hr.codes(id int); CREATE VIEW hr.old AS SELECT * FROM hr.people;
GRANT SELECT ON ALL TABLES IN SCHEMA hr TO ana, bob, bi; RESET ROLE;`

func (s *script) run(line string) {
	var out, errs bytes.Buffer
	e := &env{in: strings.NewReader(s.input), out: &out, err: &errs,
		getenv: func(name string) (string, bool) { v, ok := s.vars[name]; return v, ok }}
	s.status = run(s.t.Context(), e, words(line))
	s.input, s.out, s.errs = "", out.String(), errs.String()
}

// words splits at spaces outside of double quotes.
func words(line string) []string {
	var out []string
	var word strings.Builder
	quoted, begun := false, false
	for _, r := range line {
		switch {
		case r == '"':
			quoted, begun = !quoted, true
		case r == ' ' && !quoted:
			if begun {
				out = append(out, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if begun {
		out = append(out, word.String())
	}
	return out
}

// sample writes a folder of data and a bundle.
func sample(t *testing.T, dir string) {
	t.Helper()
	for name, text := range map[string]string{
		"data/demo/people.csv": "id,name,dept\n1,Ada,Sales\n2,Bela,Finance\n3,\"O'Neill\",Sales\n",
		"data/demo/secret.csv": "id,pin\n1,1234\n",
		"cases/good.yaml":      caseText,
		"cases/bad.yaml":       strings.ReplaceAll(caseText, "expect: {rows: [[1, a]]}", "expect: {rows: [[2, b]]}"),
		"bundle.yaml":          bundleText,
		"warehouse.yaml":       warehouseText,
		"people.yaml":          peopleText,
		"broken.yaml":          "kind: User\nname: x@example.com\ndisplayname: wrong case\n",
		"misdeclared.yaml":     "kind: DataSource\nconnectionKey: lake\nsources:\n  - schema: demo\n    table: codes\n    location: demo/secret.csv\n    columns: [{name: id, type: int}, {name: code, type: int}]\n",
		"declared.yaml":        "kind: DataSource\nconnectionKey: lake\nsources:\n  - schema: demo\n    table: secret\n    location: demo/secret.csv\n    columns: [{name: id, type: int}, {name: pin, type: int}]\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const bundleText = `kind: Connection
key: lake
platform: embedded
address: ${DATA}
---
kind: User
name: ana@example.com
attributes: {department: [Sales]}
---
kind: User
name: bi@example.com
permissions: [IMPERSONATE_USER]
---
kind: DataSource
connectionKey: lake
sources:
  - schema: demo
    table: people
    tags: {table: [People], columns: [{columnName: dept, tags: [Department]}, {columnName: name, tags: [PII]}]}
---
kind: Policy
policyKey: everybody
name: Everybody reads
type: subscription
actions: {type: entitlements, automaticSubscription: true, entitlements: {attributes: [{name: department, value: Sales}]}}
circumstances: [{type: tags, tag: People}]
---
kind: Policy
policyKey: own-department
name: Own department
type: data
actions:
  - description: Rows of their departments
    rules:
      - type: Row Restriction by User Entitlements
        config: {matches: [{type: attribute, attribute: department, tag: Department}]}
circumstances: [{type: columnTags, columnTag: Department}]
`

const peopleText = `kind: User
name: ana@example.com
external: {postgresql: ana}
attributes: {department: [Sales]}
---
kind: User
name: bob@example.com
external: {postgresql: bob}
---
kind: User
name: bi@example.com
external: {postgresql: bi}
permissions: [IMPERSONATE_USER]
---
kind: Policy
policyKey: people
name: People
type: subscription
actions: {type: anyone, automaticSubscription: true}
circumstances: [{type: tags, tag: People}]
---
kind: Policy
policyKey: own-department
name: Own department
type: data
actions:
  - rules:
      - type: Row Restriction by User Entitlements
        config: {matches: [{type: attribute, attribute: department, tag: Department}]}
  - rules:
      - type: Masking
        config: {fields: [{type: columnTags, columnTag: PII}], maskingConfig: {type: Hash}}
circumstances: [{type: tags, tag: People}]
`

const warehouseText = `kind: Connection
key: hr
platform: postgresql
address: postgres://nobody@127.0.0.1:1/hr?sslmode=disable
credential: hr
settings: {exempt: "etl, dba", drift: refuse}
---
kind: User
name: ana@example.com
external: {postgresql: ana}
---
kind: DataSource
connectionKey: hr
sources:
  - schema: hr
    table: emp
    tags: {table: [People]}
    columns: [{name: id, type: int}, {name: dept, type: text}]
  - schema: hr
    table: pay
    columns: [{name: id, type: int}]
---
kind: Policy
policyKey: people
name: People
type: subscription
actions: {type: anyone, automaticSubscription: true}
circumstances: [{type: tags, tag: People}]
`

const caseText = `kind: Test
name: an owner sees its rows
given: [{kind: User, name: ana}]
tables: [{source: demo.t, columns: [{name: id, type: int}, {name: v, type: text}], owners: [{type: user, name: ana}], rows: [[1, a]]}]
asker: {user: ana}
expect: {rows: [[1, a]]}
`
