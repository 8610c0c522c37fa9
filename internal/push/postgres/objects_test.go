package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/pgserver"
	"stead/internal/pgserver/town"
	"stead/internal/push"
	"stead/policy/expr"
)

// site is a server with tables of people, and a platform that governs them.
type site struct {
	testing.TB
	server *pgserver.Server
	admin  *pgx.Conn
	p      *Platform
	conf   push.Settings
	rev    stead.Revision
}

const siteSQL = `
CREATE ROLE hr_owner NOLOGIN; CREATE ROLE etl LOGIN IN ROLE hr_owner; CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN;
CREATE ROLE carol LOGIN; CREATE ROLE readers NOLOGIN; GRANT readers TO alice, bob, carol;
CREATE SCHEMA hr AUTHORIZATION hr_owner; GRANT USAGE ON SCHEMA hr TO readers; GRANT CREATE ON SCHEMA public TO hr_owner; SET ROLE hr_owner;
CREATE TABLE hr.emp(id int PRIMARY KEY, name text, dept text, ssn text, salary int);
CREATE INDEX ON hr.emp(dept);
INSERT INTO hr.emp SELECT g, 'n' || g, 'd' || g % 3, lpad(g::text, 9, '0'), 1000 * g FROM generate_series(1, 9) g;
GRANT SELECT ON hr.emp TO readers, PUBLIC; RESET ROLE;`

func newSite(t testing.TB, settings map[string]string, more string) *site {
	t.Helper()
	server := town.Start(t)
	conf, err := push.ParseSettings(settings)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{TB: t, server: server, conf: conf}
	s.admin = s.dial("postgres")
	s.exec(siteSQL + more)
	s.p = s.open()
	return s
}

func (s *site) open() *Platform {
	s.Helper()
	p, err := Open(s.Context(), Config{Address: s.server.DSN("postgres", "postgres"), Settings: s.conf, Connection: "hr", Instance: "one",
		Key: func(_ context.Context, id string) (string, error) {
			return fmt.Sprintf("%x", sha256.Sum256([]byte(id))), nil
		}})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = p.Close() })
	return p
}

func (s *site) dial(role string) *pgx.Conn {
	s.Helper()
	return town.Dial(s, s.server.DSN(role, "postgres"))
}

func (s *site) exec(sql string) {
	s.Helper()
	town.Exec(s, s.admin, sql)
}

// sees is what a role gets for a statement on a connection of its own: rows of values, or "ERROR" and the code.
func (s *site) sees(role, sql string) string {
	s.Helper()
	c := s.dial(role)
	defer func() { _ = c.Close(context.Background()) }()
	return answer(s.Context(), c, sql)
}

func answer(ctx context.Context, c *pgx.Conn, sql string) string {
	last, failed := town.Last(ctx, c, sql)
	if failed != "" {
		return failed
	}
	if !last.CommandTag.Select() {
		return last.CommandTag.String()
	}
	return town.Text(last, "~", ",", " ")
}

func (s *site) want(role, sql, want string) {
	s.Helper()
	if got := s.sees(role, sql); got != want {
		s.Errorf("%s: %s\n got  %s\n want %s", role, sql, got, want)
	}
}

// plan plans, and fails the test on an error.
func (s *site) plan(next, since *push.State) *push.Plan {
	s.Helper()
	plan, err := s.p.Plan(s.Context(), next, since)
	if err != nil {
		s.Fatalf("%v: %v", err, errors.Unwrap(err))
	}
	return plan
}

// apply brings the database to a state.
func (s *site) apply(next, since *push.State) *push.Plan {
	s.Helper()
	plan := s.plan(next, since)
	if err := s.p.Apply(s.Context(), plan, nil); err != nil {
		s.Fatalf("%v: %v", err, errors.Unwrap(err))
	}
	return plan
}

// settled fails the test unless nothing is left to do.
func (s *site) settled(next *push.State) {
	s.Helper()
	for _, step := range s.plan(next, nil).Steps {
		s.Errorf("a step is left: %s %s: %s %v %.300q", step.Kind, step.Object, step.Why, step.Edits, step.SQL)
	}
	drift, err := s.p.Verify(s.Context(), next)
	if err != nil {
		s.Fatal(err)
	}
	for _, d := range unnoted(drift) {
		s.Errorf("drift: %+v", d)
	}
}

// unnoted is drift but for what is only told.
func unnoted(drift []push.Drift) []push.Drift {
	return slices.DeleteFunc(drift, func(d push.Drift) bool { return d.Note })
}

// world makes states: identities by name with their departments, those of them that see everything clear, and who is subscribed.
type world struct {
	depts   map[string][]string
	clear   []string
	readers []string
	writers []string
	sources []*push.Source
	keys    []string
	more    map[push.SetID]*push.Set
}

var people = []string{"alice", "bob", "carol"}

func identityOf(name string) string { return strconv.Itoa(1 + slices.Index(people, name)) }

func hrWorld() world {
	return world{depts: map[string][]string{"alice": {"d0", "d1"}, "bob": {"d2"}}, clear: []string{"alice"}, readers: []string{"alice", "bob"},
		sources: []*push.Source{empSource()}, keys: []string{"source/7"}}
}

func mustCall(f expr.Func, args ...expr.Node) expr.Node {
	c, err := expr.NewCall(f, args...)
	if err != nil {
		panic(err)
	}
	return c
}

// empSource is hr.emp: rows by department (slot 1); names, numbers and salaries only to those of slot 2.
func empSource() *push.Source {
	int4 := expr.Type{Kind: expr.Int, Bits: 32}
	col := func(name string, t expr.Type) expr.Node { return expr.Column{Name: name, Typ: t} }
	clear := expr.Subject{Fact: expr.SlotHolds, Key: "2"}
	return digested(&push.Source{ID: 7, Path: []string{"hr", "emp"},
		Rows: expr.Subject{Fact: expr.SlotContains, Key: "1", Arg: col("dept", expr.TextType)},
		Columns: []push.Column{{Name: "id", Type: int4, Shown: col("id", int4)}, {Name: "name", Type: expr.TextType, Shown: col("name", expr.TextType)},
			{Name: "dept", Type: expr.TextType, Shown: col("dept", expr.TextType)},
			{Name: "ssn", Type: expr.TextType, Shown: mustCall(expr.If, clear, col("ssn", expr.TextType),
				mustCall(expr.Hash, expr.Key{ID: "shared/7"}, col("ssn", expr.TextType), expr.IntLit(8)))},
			{Name: "salary", Type: int4, Shown: mustCall(expr.If, clear, col("salary", int4), expr.NullOf(int4))}}})
}

func digested(s *push.Source) *push.Source {
	s.Digest = sha256.Sum256(fmt.Appendf(nil, "%#v", *s))
	return s
}

func (w world) state(s *site) *push.State {
	s.rev++
	sets := map[push.SetID]*push.Set{}
	put := func(t push.Table, key string, rows ...push.Row) {
		slices.SortFunc(rows, push.Row.Compare)
		sets[push.SetID{Table: t, Key: key}] = &push.Set{Rows: rows}
	}
	for _, name := range people {
		id := identityOf(name)
		put(push.Identities, id, push.Row{id, "bim", name, "t", "t", "f", ""})
		put(push.Logins, name, push.Row{name, id, "t", "f", "f"})
		var values []push.Row
		for _, d := range w.depts[name] {
			values = append(values, push.Row{id, "attribute", "dept", d})
		}
		put(push.Values, id, values...)
	}
	for _, name := range s.conf.Exempt {
		put(push.Logins, name, push.Row{name, "", "f", "f", "t"})
	}
	var facts, members []push.Row
	for _, name := range w.clear {
		facts = append(facts, push.Row{"c1", identityOf(name)})
	}
	for _, name := range w.readers {
		members = append(members, push.Row{"a1", identityOf(name), "r"})
	}
	for _, name := range w.writers {
		members = append(members, push.Row{"a1", identityOf(name), "w"})
	}
	put(push.Facts, "c1", facts...)
	put(push.Members, "a1", members...)
	st := &push.State{Connection: stead.Connection{Key: "hr"}, Settings: s.conf, Revision: s.rev, Sources: map[stead.SourceID]*push.Source{}, Sets: sets, Keys: w.keys}
	for _, src := range w.sources {
		id := decimal(src.ID)
		st.Sources[src.ID] = src
		put(push.Served, id, push.Row{id, "a1", "t"})
		put(push.Slots, id, push.Row{id, "1", "attribute", "dept", "f", ""}, push.Row{id, "2", "fact", "c1", "f", ""})
	}
	for id, set := range w.more {
		sets[id] = set
	}
	return st
}

func hashed(key, text string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(fmt.Sprintf("%x", sha256.Sum256([]byte(key)))+text)))[:8]
}

func TestGovernedByRowsAndMasks(t *testing.T) {
	s := newSite(t, nil, "")
	st := hrWorld().state(s)
	s.apply(st, nil)
	s.want("bob", "SELECT id, name, dept, ssn, salary FROM emp ORDER BY id",
		"2,n2,d2,"+hashed("source/7", "000000002")+",~ 5,n5,d2,"+hashed("source/7", "000000005")+",~ 8,n8,d2,"+hashed("source/7", "000000008")+",~")
	s.want("alice", "SELECT id, ssn, salary FROM emp ORDER BY id LIMIT 2", "1,000000001,1000 3,000000003,3000")
	s.want("carol", "SELECT * FROM emp", "")
	s.want("bob", "SELECT * FROM hr.emp", "ERROR 42501")
	s.want("bob", "SELECT ssn FROM hr.emp", "ERROR 42501")
	s.want("bob", "SELECT id, name, dept FROM hr.emp ORDER BY id", "2,n2,d2 5,n5,d2 8,n8,d2")
	s.want("bob", "SELECT count(*) FROM hr.emp", "3")
	s.want("etl", "SELECT count(*) FROM hr.emp", "0")
	s.want("bob", "INSERT INTO hr.emp(id, dept) VALUES (100, 'd2')", "ERROR 42501")
	s.want("bob", "DELETE FROM hr.emp", "ERROR 42501")
	s.want("bob", "UPDATE hr.emp SET name = 'x'", "ERROR 42501")
	s.settled(st)
}
