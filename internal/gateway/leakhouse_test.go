package gateway_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"stead"
	dialect "stead/dialect/duckdb"
	"stead/internal/audit"
	"stead/internal/gateway"
	"stead/internal/gateway/catalog"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/governed"
	"stead/internal/gateway/rewrite"
	"stead/internal/govern"
	"stead/internal/keys/file"
	"stead/internal/session"
	"stead/internal/signin"
	"stead/internal/snapshot"
	"stead/internal/store/sqlite"
	"stead/policy"
)

// leakHouse is the whole way of a query on its real parts: store, keys, audit log, world, sign-in,
// session, rewriting, DuckDB and the wire.
type leakHouse struct {
	t       testing.TB
	dir     string
	data    string
	addr    string
	server  *gateway.Server
	govern  *govern.Service
	world   *snapshot.Follower
	audit   *audit.Log
	keeper  *file.Keeper
	admin   govern.Caller
	secrets map[string]string // what a user signs in with
	logs    *logBuffer
}

// logBuffer is the server's own log.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// houseOptions are what a test changes about the house.
type houseOptions struct {
	auditDir string
	limits   gateway.Limits
	segment  int64
}

// newHouse opens the rooms over the data folder, with one administrator and the connection "lake".
func newHouse(t testing.TB, data string, opt houseOptions) *leakHouse {
	t.Helper()
	h := &leakHouse{t: t, dir: t.TempDir(), data: data, secrets: map[string]string{}, logs: &logBuffer{}}
	ctx := context.Background()
	db, err := sqlite.Open(filepath.Join(h.dir, "store"))
	must(t, err)
	h.keeper, err = file.Open(filepath.Join(h.dir, "keys"))
	must(t, err)
	if opt.auditDir == "" {
		opt.auditDir = filepath.Join(h.dir, "audit")
	}
	h.audit, err = audit.Open(ctx, audit.Options{Dir: opt.auditDir, Writer: "main", Keeper: h.keeper, SegmentSize: opt.segment})
	must(t, err)
	h.govern = govern.New(db, time.Now)
	first, err := h.govern.Bootstrap(ctx)
	must(t, err)
	h.world, err = snapshot.Start(ctx, db, snapshot.Options{})
	must(t, err)
	proves, err := signin.New(ctx, db, h.keeper, time.Now)
	must(t, err)
	login, err := proves.APIKey(ctx, first)
	must(t, err)
	h.admin = govern.Caller{Actor: login.Actor}
	h.secrets["admin"] = first
	sessions := session.New(session.Config{World: h.now, Log: h.audit, Now: time.Now, Live: proves.Live})
	closeGateway := h.serve(proves, sessions, opt.limits)
	t.Cleanup(func() {
		closeGateway()
		if err := h.audit.Close(); err != nil && opt.auditDir == filepath.Join(h.dir, "audit") {
			t.Error(err)
		}
		must(t, db.Close())
		if text := h.logs.String(); strings.Contains(text, "panic") {
			t.Errorf("a connection panicked:\n%s", text)
		}
	})
	h.change(govern.PutConnection{Connection: stead.Connection{Key: "lake", Platform: stead.Embedded, Address: data}})
	return h
}

func (h *leakHouse) now() (session.World, error) {
	w, err := h.world.World()
	if err != nil {
		return nil, err
	}
	return w, nil
}

// serve starts the gateway and returns what ends it.
func (h *leakHouse) serve(proves *signin.Service, sessions *session.Service, limits gateway.Limits) func() {
	t, ctx := h.t, context.Background()
	parser, err := duck.NewParser(ctx, 2)
	must(t, err)
	cat, err := catalog.Open(ctx, catalog.Config{}, parser)
	must(t, err)
	rw, err := rewrite.New(rewrite.Config{Parser: parser, Key: func(id string) (string, error) {
		s, err := h.keeper.Secret(ctx, "hash/"+id)
		return s.Hex(), err
	}, Catalogue: catalog.IsCatalogueName, CatalogueFunction: catalog.IsCatalogueFunction})
	must(t, err)
	engines := governed.NewEngines(duck.Config{Threads: 1, Memory: 1 << 30, TempDir: h.dir, TempMax: 1 << 30})
	h.server, err = gateway.New(gateway.Config{SignIn: proves, Limits: limits,
		Log:        slog.New(slog.NewTextHandler(h.logs, nil)),
		Connection: func(database, _ string) (string, bool) { return "lake", database == "lake" },
		Sessions: &governed.Opener{Sessions: sessions, Engines: engines, Rewriter: rw, Catalogue: cat,
			Watch: 5 * time.Millisecond}})
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	h.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- h.server.Serve(l) }()
	return func() {
		end, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := h.server.Shutdown(end); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		must(t, <-served)
		must(t, engines.Close())
		must(t, cat.Close())
		must(t, parser.Close())
	}
}

// change applies edits and lets the world follow.
func (h *leakHouse) change(edits ...govern.Edit) govern.Result {
	h.t.Helper()
	r, err := h.govern.Apply(context.Background(), h.admin, edits...)
	must(h.t, err)
	h.world.Refresh(context.Background())
	return r
}

func (h *leakHouse) policies(docs ...string) {
	h.t.Helper()
	for _, doc := range docs {
		p, err := policy.Decode([]byte(doc))
		must(h.t, err)
		h.change(govern.PutPolicy{Policy: p})
	}
}

// people makes identities and a key for each.
func (h *leakHouse) people(identities ...stead.Identity) {
	h.t.Helper()
	for _, id := range identities {
		h.change(govern.PutIdentity{Identity: id})
		secret, _, err := h.govern.CreateKey(context.Background(), h.admin, govern.NewKey{Identity: id.Name, Name: "test"})
		must(h.t, err)
		h.secrets[id.Name] = secret
	}
	h.world.Refresh(context.Background())
}

// table registers a table of schema public with columns as "name TYPE".
func (h *leakHouse) table(name, location string, columns []string, tags map[string]stead.Tag) int64 {
	h.t.Helper()
	d := stead.DataSource{Connection: "lake", Path: []string{"public", name}, Name: name, Location: location,
		Tags: []stead.Tag{stead.Tag("Table." + name)}}
	for _, c := range columns {
		column, native, _ := strings.Cut(c, " ")
		col := stead.Column{Name: column, Type: dialect.ParseType(native), Nullable: true}
		if tag, ok := tags[column]; ok {
			col.Tags = []stead.Tag{tag}
		}
		d.Columns = append(d.Columns, col)
	}
	return h.change(govern.PutSource{Source: d}).Outcomes[0].ID
}

// makeData runs SQL on an ordinary DuckDB.
func makeData(t testing.TB, file string, statements ...string) {
	t.Helper()
	db, err := sql.Open("duckdb", file)
	must(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range append([]string{"SET TimeZone = 'UTC'"}, statements...) {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// The table under attack: every fourth row is visible to who may see region EU. Hidden rows hold a canary in every
// text and, in every column, a value that makes some function or cast fail.
const customersSQL = `CREATE TABLE base AS SELECT i AS id,
	CASE WHEN seen THEN 'Name ' || i ELSE 'CANARY(' || i END AS name,
	'raw' || i || '@canary.example' AS email, '+49 CANARY ' || i AS phone,
	CASE WHEN seen THEN 'EU' WHEN i % 4 = 2 THEN 'US' ELSE 'CANARYLAND' END AS region,
	CAST(CASE WHEN seen THEN i ELSE 98765432 END AS DECIMAL(12,2)) AS balance,
	CASE WHEN seen THEN i / 8 ELSE 1e300 END AS score,
	CASE WHEN seen THEN DATE '2020-01-01' + CAST(i % 300 AS INTEGER) ELSE DATE '5000000-01-01' END AS day,
	CASE WHEN seen THEN TIMESTAMP '2020-01-01' + to_hours(i) ELSE TIMESTAMP '290000-12-31 23:59:59' END AS made,
	i % 3 = 0 AS active,
	CASE WHEN seen THEN ['1', '2'] ELSE ['CANARY'] END AS tags,
	'4111-CANARY-' || lpad(CAST(i AS VARCHAR), 6, '0') AS card,
	CASE WHEN seen THEN 'note' || (i % 8) ELSE ['CANARY(', 'CANARY\', 'CANARY['][1 + i % 3] END AS note,
	CASE WHEN seen THEN i % 50 WHEN i % 4 = 2 THEN 9223372036854775807 ELSE -9223372036854775808 END AS num,
	CASE WHEN seen THEN CAST(i % 100 AS VARCHAR) ELSE 'CANARY' END AS code,
	CASE WHEN seen THEN '00000000-0000-0000-0000-' || lpad(CAST(i AS VARCHAR), 12, '0') ELSE 'CANARY' END AS ref,
	CASE WHEN seen THEN '{"a": ' || i || '}' ELSE '{CANARY' END AS js,
	CASE WHEN seen THEN {'a': i % 9, 'b': 'x'} ELSE {'a': 9223372036854775807, 'b': 'CANARY('} END AS st
	FROM (SELECT i, i % 4 = 1 AS seen FROM range(1, 4001) r(i))`

var customerColumns = []string{"id BIGINT", "name VARCHAR", "email VARCHAR", "phone VARCHAR", "region VARCHAR", "balance DECIMAL(12,2)",
	"score DOUBLE", "day DATE", "made TIMESTAMP", "active BOOLEAN", "tags VARCHAR[]", "card VARCHAR", "note VARCHAR", "num BIGINT",
	"code VARCHAR", "ref VARCHAR", "js VARCHAR", "st STRUCT(a BIGINT, b VARCHAR)"}

const (
	ordersSQL  = `CREATE TABLE orders AS SELECT i AS id, i % 1000 * 4 + 1 AS customer, CAST(i AS DECIMAL(10,2)) AS amount FROM range(1, 2001) r(i)`
	secretsSQL = `CREATE TABLE secrets AS SELECT 'CANARY-TOP-' || i AS v, i AS id FROM range(1, 11) r(i)`
	// What the asker may see of the table, written by hand: %s is the key of the hash mask.
	visibleSQL = `CREATE TABLE seen AS SELECT id, name, sha256('%s' || email) AS email, CAST(NULL AS VARCHAR) AS phone, region, balance, score,
	day, made, active, tags, repeat('*', length(card) - 4) || right(card, 4) AS card, note, num, code, ref, js, st
	FROM base WHERE region = 'EU' ORDER BY id`
)

var leakPolicies = []string{
	`{"policyKey":"open","name":"Open","type":"subscription","circumstances":[{"type":"tags","tag":"Table.customers"},{"type":"tags","tag":"Table.orders"}],"actions":{"type":"anyone","automaticSubscription":true}}`,
	`{"policyKey":"rows","name":"Rows","type":"data","circumstances":[{"type":"columnName","columnName":"region"}],"actions":[{"rules":[{"type":"Row Restriction by Custom Where Clause","config":{"predicate":"@attributeValuesContains('region', 'region')"}}]}]}`,
	`{"policyKey":"email","name":"Email","type":"data","circumstances":[{"type":"columnTags","columnTag":"PII"}],"actions":[{"rules":[{"type":"Masking","config":{"fields":[{"type":"columnTags","columnTag":"PII.Email"}],"maskingConfig":{"type":"Hash"}}}]}]}`,
	`{"policyKey":"phone","name":"Phone","type":"data","circumstances":[{"type":"columnTags","columnTag":"PII"}],"actions":[{"rules":[{"type":"Masking","config":{"fields":[{"type":"columnTags","columnTag":"PII.Phone"}],"maskingConfig":{"type":"Null"}}}]}]}`,
	`{"policyKey":"card","name":"Card","type":"data","circumstances":[{"type":"columnTags","columnTag":"PII"}],"actions":[{"rules":[{"type":"Masking","config":{"fields":[{"type":"columnTags","columnTag":"PII.Card"}],"maskingConfig":{"type":"Partial","keepLast":4}}}]}]}`,
}

// leakHouses opens the governed house and the one that holds nothing but what ana may see in the first.
func leakHouses(t testing.TB, storage string, opt houseOptions) (governed, reference *leakHouse) {
	t.Helper()
	base := customersSQL
	if storage == "csv" { // a file whose text is no date is refused as a whole; see docs/security
		base = strings.ReplaceAll(base, "5000000-01-01", "9999-12-31")
	}
	governed = leakHouseOver(t, storage, opt, base, ordersSQL, secretsSQL, "ALTER TABLE base RENAME TO customers")
	secret, err := governed.keeper.Secret(context.Background(), "hash/source/1")
	must(t, err)
	reference = leakHouseOver(t, storage, opt, base, ordersSQL, fmt.Sprintf(visibleSQL, secret.Hex()),
		"DROP TABLE base", "ALTER TABLE seen RENAME TO customers")
	governed.policies(leakPolicies...)
	reference.policies(leakPolicies[0])
	if id := governed.table("secrets", location(storage, "secrets"), []string{"v VARCHAR", "id BIGINT"}, nil); id == 0 {
		t.Fatal("no secrets")
	}
	return governed, reference
}

func location(storage, table string) string {
	if storage == "duckdb" {
		return "main." + table
	}
	return "public/" + table + "." + storage
}

func leakHouseOver(t testing.TB, storage string, opt houseOptions, statements ...string) *leakHouse {
	t.Helper()
	data := t.TempDir()
	tables := []string{"customers", "orders"}
	if len(statements) == 4 {
		tables = append(tables, "secrets")
	}
	if storage == "duckdb" {
		data = filepath.Join(data, "lake.duckdb")
		makeData(t, data, append(statements, "CHECKPOINT")...)
	} else {
		must(t, os.Mkdir(filepath.Join(data, "public"), 0o755))
		for _, table := range tables {
			statements = append(statements, "COPY "+table+" TO '"+filepath.Join(data, location(storage, table))+"'")
		}
		makeData(t, "", statements...)
	}
	h := newHouse(t, data, opt)
	eu := stead.Attributes{"region": {"EU"}}
	ana := stead.Principal{Kind: stead.UserPrincipal, Name: "ana"}
	h.people(stead.Identity{Kind: stead.User, Name: "ana", Attributes: eu}, stead.Identity{Kind: stead.User, Name: "bob"},
		stead.Identity{Kind: stead.User, Name: "bi", Permissions: []stead.Permission{stead.ImpersonateUser},
			Impersonates: &stead.Impersonates{Users: []stead.Principal{ana}}})
	tags := map[string]stead.Tag{"email": "PII.Email", "phone": "PII.Phone", "card": "PII.Card"}
	if id := h.table("customers", location(storage, "customers"), customerColumns, tags); id != 1 {
		t.Fatalf("customers is source %d", id)
	}
	h.table("orders", location(storage, "orders"), []string{"id BIGINT", "customer BIGINT", "amount DECIMAL(10,2)"}, nil)
	return h
}
