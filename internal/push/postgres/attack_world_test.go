package postgres_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/decide"
	"stead/internal/pgserver"
	"stead/internal/push"
	"stead/internal/push/postgres"
	"stead/internal/reconcile"
	"stead/policy"
	"stead/policy/expr"
)

// person is what the tests know of somebody, apart from the world that is applied: which departments' rows they see, whether in clear, and
// what else.
type person struct {
	depts          []int
	payroll, staff bool
}

var persons = map[string]person{
	"alice": {depts: []int{1, 2}, payroll: true, staff: true}, "bob": {depts: []int{3}, staff: true}, "carol": {},
	"dora": {depts: []int{4}, payroll: true, staff: true}, "mallory": {depts: []int{5}, staff: true}, "wendy": {depts: []int{3}, staff: true},
	"root": {depts: []int{6}, staff: true}, "okta:bob": {depts: []int{8}, staff: true}, "svc": {}, "pinsvc": {}, "solo": {}, "nobody": {},
}

func deptOf(id int) int { return 1 + id%9 }

func (p person) sees(id int) bool { return p.staff && slices.Contains(p.depts, deptOf(id)) }

// canaries are what the values of the tables look like, and who may be shown one. hash are masked values.
var canaries = []struct {
	pattern *regexp.Regexp
	allowed func(p person, id int) bool
}{
	{regexp.MustCompile(`nm(\d{4})`), person.sees},
	{regexp.MustCompile(`boom-(\d{4})`), person.sees},
	{regexp.MustCompile(`\bssn-(\d{4})`), func(p person, id int) bool { return p.sees(id) && p.payroll }},
	{regexp.MustCompile(`\b77(\d{5})\b`), func(p person, id int) bool { return p.sees(id) && p.payroll }},
	{regexp.MustCompile(`note-(\d{4})`), func(person, int) bool { return false }},
	{regexp.MustCompile(`pt(\d{3})`), person.sees},
	{regexp.MustCompile(`pssn-(\d{3})`), func(p person, id int) bool { return p.sees(id) && p.payroll }},
	{regexp.MustCompile(`\bch(\d{2})\b`), person.sees},
	{regexp.MustCompile(`bonus-(\d{3})`), func(p person, _ int) bool { return p.staff && p.payroll }},
	{regexp.MustCompile(`memo-(\d{3})`), person.sees},
	{regexp.MustCompile(`mpin-(\d{3})`), func(p person, id int) bool { return p.sees(id) && p.payroll }},
}

var hashLike = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

func key(id string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte("attack "+id))) }

func hash(source int, text string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(key("source/"+strconv.Itoa(source))+text)))
}

// leaks are the values in a text that none of the people may be shown.
func leaks(text string, people []string) []string {
	may := func(f func(person) bool) bool {
		return slices.ContainsFunc(people, func(n string) bool { return f(persons[n]) })
	}
	var out []string
	for _, c := range canaries {
		for _, m := range c.pattern.FindAllStringSubmatch(text, -1) {
			id, _ := strconv.Atoi(m[1])
			if !may(func(p person) bool { return c.allowed(p, id) }) {
				out = append(out, m[0])
			}
		}
	}
	var hashes map[string]bool
	for _, h := range hashLike.FindAllString(text, -1) {
		if hashes == nil {
			hashes = shownHashes(may)
		}
		if !hashes[h] {
			out = append(out, h)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func shownHashes(may func(func(person) bool) bool) map[string]bool {
	out := map[string]bool{}
	for id := 1; id <= 900; id++ {
		if !may(func(p person) bool { return p.sees(id) }) {
			continue
		}
		out[hash(1, fmt.Sprintf("ssn-%04d", id))] = true
		out[hash(3, fmt.Sprintf("pssn-%03d", id))] = true
		out[hash(5, fmt.Sprintf("mpin-%03d", id))] = true
		out[hash(6, fmt.Sprintf("ssn-%04d", id))] = true
		out[hash(7, fmt.Sprintf("ssn-%04d", id))] = true
	}
	return out
}

// arena is a real server with a database that the product governs, and a twin of its tables that nobody governs.
type arena struct {
	server   *pgserver.Server
	admin    *pgx.Conn
	platform *postgres.Platform
	world    *decide.World
	original *decide.World
	state    *push.State
	standby  *pgserver.Server
}

func newArena(t *testing.T) *arena {
	t.Helper()
	server, err := pgserver.Start(t.Context(), "shared_preload_libraries = 'pg_stat_statements,auto_explain'", "auto_explain.log_min_duration = 0",
		"auto_explain.log_verbose = on", "auto_explain.log_nested_statements = on", "log_statement = all", "log_error_verbosity = verbose",
		"wal_level = logical", "track_functions = all", "track_activity_query_size = 4096", "password_encryption = 'scram-sha-256'")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	a := &arena{server: server}
	t.Cleanup(func() {
		if a.standby != nil {
			if err := a.standby.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	if a.admin, err = pgx.Connect(t.Context(), server.DSN(pgserver.Superuser, "postgres")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.admin.Close(context.Background()) })
	text, err := os.ReadFile("testdata/attacks/arena.sql")
	if err != nil {
		t.Fatal(err)
	}
	a.exec(t, string(text))
	settings, err := push.ParseSettings(arenaSettings)
	if err != nil {
		t.Fatal(err)
	}
	a.platform, err = postgres.Open(t.Context(), postgres.Config{Address: server.DSN(pgserver.Superuser, "postgres"), Settings: settings, Connection: "hr", Instance: "arena",
		Key: func(_ context.Context, id string) (string, error) { return key(id), nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.platform.Close() })
	a.original = arenaWorld(t)
	a.become(t, a.original, true)
	return a
}

func (a *arena) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := a.admin.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%v\n%.1000s", err, sql)
	}
}

// become has the product bring the database to a world; whole looks at everything that stands.
func (a *arena) become(t *testing.T, w *decide.World, whole bool) {
	t.Helper()
	a.world = w
	since := a.state
	next, err := reconcile.Build(w, "hr", since)
	if err != nil {
		t.Fatal(err)
	}
	a.state = next
	if whole {
		since = nil
	}
	plan, err := a.platform.Plan(t.Context(), next, since)
	if stead.CodeOf(err) == stead.Conflict && since != nil {
		plan, err = a.platform.Plan(t.Context(), next, nil)
	}
	if err == nil {
		for _, p := range plan.Problems {
			if p.Blocking != (p.Source == refused) && p.Source != 0 {
				t.Errorf("the plan is blocked: %+v", p)
			}
		}
		err = a.platform.Apply(t.Context(), plan, nil)
	}
	if err != nil {
		t.Fatalf("%v: %+v", err, stead.AsError(err))
	}
}

// refused is a view of a table that is a data source itself.
const refused = 8

var arenaSettings = map[string]string{"exempt": "etl", "pinned": "pinsvc", "impersonate_only": "solo"}

// follow gives a standby that has everything the server has by now.
func (a *arena) follow(t *testing.T) *pgserver.Server {
	t.Helper()
	if a.standby == nil {
		standby, err := a.server.Standby(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a.standby = standby
	}
	var lsn string
	if err := a.admin.QueryRow(t.Context(), "SELECT pg_current_wal_lsn()::text").Scan(&lsn); err != nil {
		t.Fatal(err)
	}
	c, err := pgx.Connect(t.Context(), a.standby.DSN(pgserver.Superuser, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	for there := false; !there; {
		if err := c.QueryRow(t.Context(), "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", lsn).Scan(&there); err != nil {
			t.Fatal(err)
		}
	}
	return a.standby
}

func column(name string, t expr.Type) stead.Column {
	return stead.Column{Name: name, Type: t, Nullable: true}
}

func arenaWorld(t *testing.T) *decide.World {
	t.Helper()
	text, number := expr.TextType, expr.Type{Kind: expr.Int, Bits: 32}
	source := func(id stead.SourceID, table string, columns ...stead.Column) *stead.DataSource {
		return &stead.DataSource{ID: id, Connection: "hr", Path: []string{"hr", table}, Name: table, State: stead.Active, Columns: columns}
	}
	d := decide.Delta{Revision: 1, Connections: []*stead.Connection{{ID: 1, Key: "hr", Platform: stead.PostgreSQL, Address: "postgres://db/x", Settings: arenaSettings}},
		Identities: identities(), Sources: []*stead.DataSource{
			source(1, "emp", column("id", number), column("name", text), column("dept", text), column("code", text), column("div", number), column("ssn", text), column("salary", number)),
			source(2, "bonus", column("emp_id", number), column("dept", text), column("what", text)),
			source(3, "part", column("id", number), column("dept", text), column("name", text), column("ssn", text)),
			source(4, "par", column("id", number), column("dept", text), column("name", text)),
			source(5, "memo", column("id", number), column("dept", text), column("body", text), column("pin", text)),
			source(6, "mv", column("id", number), column("dept", text), column("ssn", text)),
			source(7, "reg", column("id", number), column("name", text), column("dept", text), column("ssn", text)),
			source(refused, "vemp", column("id", number), column("name", text), column("dept", text), column("ssn", text))}}
	users := func(names ...string) []stead.Principal {
		var out []stead.Principal
		for _, n := range names {
			iam := "bim"
			if after, ok := strings.CutPrefix(n, "okta:"); ok {
				iam, n = "okta", after
			}
			out = append(out, stead.Principal{Kind: stead.UserPrincipal, IAM: iam, Name: n})
		}
		return out
	}
	d.Groups = []*stead.Group{
		{ID: 1, IAM: "bim", Name: "staff", Members: users("alice", "bob", "dora", "mallory", "wendy", "root", "okta:bob")},
		{ID: 2, IAM: "bim", Name: "payroll", Members: users("alice", "dora")},
		{ID: 3, IAM: "bim", Name: "writers", Members: users("wendy")}}
	d.Policies = arenaPolicies(t)
	return decide.New().With(d)
}

func identities() []*stead.Identity {
	var out []*stead.Identity
	for i, name := range []string{"alice", "bob", "carol", "dora", "svc", "pinsvc", "mallory", "root", "wendy", "okta:bob", "solo"} {
		x := &stead.Identity{ID: stead.IdentityID(i + 1), Kind: stead.User, IAM: "bim", Name: name, Attributes: stead.Attributes{}}
		for _, n := range persons[name].depts {
			x.Attributes["dept"] = append(x.Attributes["dept"], fmt.Sprintf("d%02d", n))
		}
		switch name {
		case "okta:bob":
			x.IAM, x.Name, x.External = "okta", "bob", map[stead.Platform]string{stead.PostgreSQL: stead.NoExternal}
		case "root":
			x.Permissions = []stead.Permission{stead.Governance}
		case "solo":
			x.Permissions = []stead.Permission{stead.ImpersonateUser}
			x.Impersonates = &stead.Impersonates{Users: []stead.Principal{{Kind: stead.UserPrincipal, IAM: "bim", Name: "bob"}}}
		case "svc", "pinsvc":
			x.Permissions = []stead.Permission{stead.ImpersonateUser}
			x.Impersonates = &stead.Impersonates{Users: []stead.Principal{{Kind: stead.UserPrincipal, IAM: "bim", Name: "bob"}, {Kind: stead.UserPrincipal, IAM: "bim", Name: "dora"},
				{Kind: stead.UserPrincipal, IAM: "bim", Name: "root"}}}
		}
		out = append(out, x)
	}
	return out
}

func arenaPolicies(t *testing.T) []*policy.Policy {
	t.Helper()
	mask := func(column, how string) string {
		return fmt.Sprintf(`{"rules": [{"type": "Masking", "exceptions": {"groups": ["payroll"]}, "config": {"fields": [{"type": "columnName", "columnName": %q}], "maskingConfig": {"type": %q}}}]}`, column, how)
	}
	sources := func(names ...string) string {
		for i, n := range names {
			names[i] = "hr:hr." + n
		}
		text, _ := json.Marshal(names)
		return `"circumstances": [{"type": "dataSources", "dataSources": ` + string(text) + `}]`
	}
	subscribed := func(key, group, more, where string) string {
		return fmt.Sprintf(`{"policyKey": %q, "name": %[1]q, "type": "subscription", "actions": {"type": "entitlements", "entitlements": {"groups": [%q]}, "automaticSubscription": true%s}, %s}`, key, group, more, where)
	}
	var out []*policy.Policy
	for i, doc := range []string{
		subscribed("staff", "staff", "", sources("emp", "part", "par", "mv", "reg", "vemp")),
		subscribed("payroll", "payroll", "", sources("bonus")),
		subscribed("writers", "writers", `, "accessGrant": "WRITE"`, sources("memo")),
		`{"policyKey": "rows", "name": "rows", "type": "data", "circumstances": [{"type": "columnName", "columnName": "dept"}],
		  "actions": [{"rules": [{"type": "Row Restriction by User Entitlements", "config": {"matches": [{"type": "attribute", "attribute": "dept", "column": "dept"}]}}]}]}`,
		`{"policyKey": "ssn", "name": "ssn", "type": "data", "circumstances": [{"type": "columnName", "columnName": "ssn"}], "actions": [` + mask("ssn", "Hash") + `]}`,
		`{"policyKey": "salary", "name": "salary", "type": "data", "circumstances": [{"type": "columnName", "columnName": "salary"}], "actions": [` + mask("salary", "Null") + `]}`,
		`{"policyKey": "pin", "name": "pin", "type": "data", "circumstances": [{"type": "columnName", "columnName": "pin"}], "actions": [` + mask("pin", "Hash") + `]}`,
	} {
		p, err := policy.Decode([]byte(doc))
		if err != nil {
			t.Fatalf("%v in %s", err, doc)
		}
		p.ID = int64(i + 1)
		out = append(out, p)
	}
	return out
}
