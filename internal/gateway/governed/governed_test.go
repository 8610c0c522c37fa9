package governed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"stead"
	"stead/internal/decide"
	"stead/internal/gateway"
	"stead/internal/gateway/catalog"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/rewrite"
	"stead/internal/gateway/wiretest"
	"stead/internal/session"
	"stead/policy"
	"stead/policy/expr"
)

// records keeps what was recorded, and can refuse to.
type records struct {
	mu   sync.Mutex
	all  []stead.Record
	full bool
}

func (r *records) Append(_ context.Context, rec stead.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full {
		return errors.New("no space left on device")
	}
	r.all = append(r.all, rec)
	return nil
}

// last returns the newest record of a kind.
func (r *records) last(kind stead.RecordKind) stead.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.all) - 1; i >= 0; i-- {
		if r.all[i].Kind == kind {
			return r.all[i]
		}
	}
	return stead.Record{}
}

// house is a governed gateway over a folder with one table that everybody may read and one that
// nobody may.
type house struct {
	addr    string
	logs    *wiretest.Log
	records *records
	mu      sync.Mutex
	world   *decide.World
	ana, bi *stead.Identity
}

func (h *house) now() (session.World, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.world, nil
}

func (h *house) change(d decide.Delta) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d.Revision = h.world.Revision() + 1
	h.world = h.world.With(d)
}

func policyOf(t *testing.T, id int64, doc string) *policy.Policy {
	t.Helper()
	p, err := policy.Decode([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	p.ID = id
	return p
}

func startHouse(t *testing.T) *house {
	t.Helper()
	data := t.TempDir()
	csv := "id,dept,ssn\n"
	for i := range 300 {
		csv += fmt.Sprintf("%d,%s,%09d\n", i, []string{"Sales", "Finance", "HR"}[i%3], i)
	}
	for _, name := range []string{"hr.csv", "secret.csv"} {
		if err := os.WriteFile(filepath.Join(data, name), []byte(csv), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	table := func(id stead.SourceID, name string) *stead.DataSource {
		return &stead.DataSource{ID: id, Connection: "lake", Path: []string{"demo", name}, Name: name, Location: name + ".csv", State: stead.Active,
			Columns: []stead.Column{{Name: "id", Type: expr.IntType}, {Name: "dept", Type: expr.TextType}, {Name: "ssn", Type: expr.TextType, Tags: []stead.Tag{"PII"}}},
			Tags:    []stead.Tag{stead.Tag("Table." + name)}}
	}
	h := &house{records: &records{}, logs: &wiretest.Log{}}
	h.ana = &stead.Identity{ID: 3, Kind: stead.User, IAM: stead.DefaultIAM, Name: "ana", Attributes: stead.Attributes{"department": {"Sales"}}}
	h.bi = &stead.Identity{ID: 2, Kind: stead.User, IAM: stead.DefaultIAM, Name: "bi", Permissions: []stead.Permission{stead.ImpersonateUser}}
	h.world = decide.New().With(decide.Delta{Revision: 1, Identities: []*stead.Identity{h.ana, h.bi},
		Connections: []*stead.Connection{{ID: 1, Key: "lake", Platform: stead.Embedded, Address: data}},
		Sources:     []*stead.DataSource{table(1, "hr"), table(2, "secret")},
		Policies: []*policy.Policy{
			policyOf(t, 1, `{"policyKey":"open","name":"Open","type":"subscription","circumstances":[{"type":"tags","tag":"Table.hr"}],"actions":{"type":"anyone","automaticSubscription":true}}`),
			policyOf(t, 2, `{"policyKey":"rows","name":"Rows","type":"data","circumstances":[{"type":"all"}],"actions":[{"rules":[{"type":"Row Restriction by Custom Where Clause","config":{"predicate":"@attributeValuesContains('department', 'dept')"}}]}]}`),
			policyOf(t, 3, `{"policyKey":"ssn","name":"SSN","type":"data","circumstances":[{"type":"all"}],"actions":[{"rules":[{"type":"Masking","config":{"fields":[{"type":"columnTags","columnTag":"PII"}],"maskingConfig":{"type":"Constant","constant":"x"}}}]}]}`),
		}})
	parser, err := duck.NewParser(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Open(t.Context(), catalog.Config{}, parser)
	if err != nil {
		t.Fatal(err)
	}
	rw, err := rewrite.New(rewrite.Config{Parser: parser, Key: func(string) (string, error) { return strings.Repeat("ab", 32), nil },
		Catalogue: catalog.IsCatalogueName, CatalogueFunction: catalog.IsCatalogueFunction})
	if err != nil {
		t.Fatal(err)
	}
	engines := NewEngines(duck.Config{Threads: 1, Conns: 64})
	t.Cleanup(func() {
		if err := errors.Join(engines.Close(), cat.Close(), parser.Close()); err != nil {
			t.Error(err)
		}
		if strings.Contains(h.logs.String(), "panic") {
			t.Errorf("a connection panicked:\n%s", h.logs)
		}
	})
	service := session.New(session.Config{World: h.now, Log: h.records, Now: time.Now})
	srv, err := gateway.New(gateway.Config{SignIn: wiretest.SignIn{"ana": "secret", "bi": "key-1"},
		Sessions:   &Opener{Sessions: service, Engines: engines, Rewriter: rw, Catalogue: cat, Watch: 5 * time.Millisecond},
		Connection: func(database, user string) (string, bool) { return "lake", true }, Log: slog.New(slog.NewTextHandler(h.logs, nil))})
	if err != nil {
		t.Fatal(err)
	}
	h.addr = wiretest.Serve(t, srv)
	return h
}

func (h *house) as(t *testing.T, user string) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), fmt.Sprintf("postgres://%s@%s/main?sslmode=disable", user, h.addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func TestGovernedAnswers(t *testing.T) {
	h := startHouse(t)
	ana, bi := h.as(t, "ana:secret"), h.as(t, "bi:key-1")
	for _, k := range []struct {
		c                *pgconn.PgConn
		sql, want, state string
	}{
		{ana, "select count(*), min(dept), max(ssn) from demo.hr", "100|Sales|x [SELECT 1]", ""},
		{ana, "select id, dept, ssn from demo.hr order by id limit 2", "0|Sales|x 3|Sales|x [SELECT 2]", ""},
		{ana, "select count(*) from demo.hr where regexp_replace(dept, 'a', 'b') = 'Sbles'", "100 [SELECT 1]", ""},
		{ana, "select count(*) from HR", "100 [SELECT 1]", ""},
		{ana, "select count(*) from secret", "", "42P01"},
		{ana, "SET search_path = other; select count(*) from hr", "[SET]", "42P01"},
		{ana, "select c.relname from pg_catalog.pg_class c where c.relname in ('hr', 'secret') order by 1", "hr [SELECT 1]", ""},
		{ana, "select c.relname from pg_catalog.pg_class c, demo.hr order by 1", "", "0A000"},
		{ana, "SET search_path = demo; select count(*) from hr", "[SET] 100 [SELECT 1]", ""},
		{ana, "select * from demo.secret", "", "42P01"},
		{ana, "select * from demo.nothing", "", "42P01"},
		{ana, "select nothing from demo.hr", "", "42703"},
		{ana, "insert into demo.hr values (1)", "", "0A000"},
		{ana, "select read_text('/etc/passwd')", "", "42501"},
		{ana, "select count(*) from information_schema.tables where table_schema = 'demo'", "1 [SELECT 1]", ""},
		{bi, "select count(*) from demo.hr", "0 [SELECT 1]", ""},
		{bi, "set immuta.impersonate.user=ana; select count(*) from demo.hr", "[SET] 100 [SELECT 1]", ""},
		{bi, "set immuta.impersonate.user=nobody", "", "42501"},
		{bi, "select 1", "", "42501"},
		{bi, "set immuta.impersonate.user=; select count(*) from demo.hr", "[SET] 0 [SELECT 1]", ""},
		{ana, "set immuta.impersonate.user=bi", "", "42501"},
		{ana, "select count(*) from demo.hr", "", "42501"},
		{ana, "reset immuta.impersonate.user; select count(*) from demo.hr", "[RESET] 100 [SELECT 1]", ""},
		{ana, "copy demo.hr (id) to stdout", "[COPY 100]", ""},
	} {
		got, err := wiretest.Ask(t, k.c, k.sql)
		if got != k.want || wiretest.State(err) != k.state {
			t.Errorf("%s\n got %s (%v)\nwant %s (%s)", k.sql, got, err, k.want, k.state)
		}
	}
	if t.Failed() {
		t.Log(h.logs.String())
	}
	hidden, absent := fmt.Sprint(wiretest.Ask(t, ana, "select 1 from demo.secret")), fmt.Sprint(wiretest.Ask(t, ana, "select 1 from demo.absent"))
	if strings.ReplaceAll(hidden, "secret", "absent") != absent {
		t.Errorf("hidden and nonexistent differ: %s / %s", hidden, absent)
	}
}

func TestBothNamesAreRecorded(t *testing.T) {
	h := startHouse(t)
	bi := h.as(t, "bi:key-1")
	if got, err := wiretest.Ask(t, bi, "set immuta.impersonate.user=ana; select id, ssn from demo.hr limit 5"); err != nil {
		t.Fatal(got, err)
	}
	intent, outcome := h.records.last(stead.QueryIntent), h.records.last(stead.QueryOutcome)
	if intent.Actor.Name != "bi" || intent.Subject.Name != "ana" || intent.Statement != "select id, ssn from demo.hr limit 5" || len(intent.Targets) != 1 {
		t.Errorf("intent %+v", intent)
	}
	if outcome.QueryID != intent.QueryID || outcome.Rows != 5 || outcome.Status != stead.Success {
		t.Errorf("outcome %+v", outcome)
	}
	if _, err := wiretest.Ask(t, bi, "select * from demo.secret"); wiretest.State(err) != "42P01" {
		t.Error(err)
	}
	if r := h.records.last(stead.QueryIntent); r.Status != stead.Unauthorized {
		t.Errorf("a denial is recorded as %+v", r)
	}
	h.records.mu.Lock()
	h.records.full = true
	h.records.mu.Unlock()
	if got, err := wiretest.Ask(t, bi, "select id from demo.hr limit 5"); wiretest.State(err) != "57P03" || strings.Contains(got, "0") {
		t.Errorf("an answer without a record: %q %v", got, err)
	}
}

func TestRightsAreCheckedOnEveryExecute(t *testing.T) {
	h := startHouse(t)
	w := wiretest.Speak(t, h.as(t, "ana:secret"))
	w.Expect("parsed params columns:count_star() bound 100 [SELECT 1] I", 1, &pgproto3.Parse{Name: "s", Query: "select count(*) from demo.hr"},
		&pgproto3.Describe{ObjectType: 'S', Name: "s"}, &pgproto3.Bind{PreparedStatement: "s"}, &pgproto3.Execute{}, &pgproto3.Sync{})
	ana := *h.ana
	ana.Attributes = stead.Attributes{"department": {"HR", "Sales"}}
	h.change(decide.Delta{Identities: []*stead.Identity{&ana}})
	w.Expect("bound 200 [SELECT 1] I", 1, &pgproto3.Bind{PreparedStatement: "s"}, &pgproto3.Execute{}, &pgproto3.Sync{})
	w.Expect("[BEGIN] T", 1, &pgproto3.Query{String: "BEGIN"})
	w.Expect("parsed bound 0 suspended T", 1, &pgproto3.Parse{Query: "select id from demo.hr order by id"}, &pgproto3.Bind{DestinationPortal: "p"}, &pgproto3.Execute{Portal: "p", MaxRows: 1}, &pgproto3.Sync{})
	h.change(decide.Delta{Identities: []*stead.Identity{h.ana}})
	w.Expect("!42501 E", 1, &pgproto3.Execute{Portal: "p", MaxRows: 1}, &pgproto3.Sync{})
	w.Expect("[ROLLBACK] I", 1, &pgproto3.Query{String: "ROLLBACK"})
	w.Expect("parsed bound 0 [SELECT 1] I", 1, &pgproto3.Parse{Query: "select id from demo.hr where id = $1", ParameterOIDs: []uint32{23}},
		&pgproto3.Bind{Parameters: [][]byte{[]byte("0")}}, &pgproto3.Execute{}, &pgproto3.Sync{})
	gone := *h.ana
	gone.Disabled = true
	h.change(decide.Delta{Identities: []*stead.Identity{&gone}})
	w.Expect("!28000 closed", 1, &pgproto3.Bind{PreparedStatement: "s"}, &pgproto3.Execute{}, &pgproto3.Sync{})
}

// TestLosingARightEndsARunningStatement: the kill switch reaches what already runs.
func TestLosingARightEndsARunningStatement(t *testing.T) {
	h := startHouse(t)
	ana := h.as(t, "ana:secret")
	done := make(chan error, 1)
	go func() {
		_, err := ana.Exec(context.Background(), "select count(*) from demo.hr a, demo.hr b, demo.hr c, demo.hr d, demo.hr e, demo.hr f where a.id + b.id + c.id + d.id + e.id + f.id = -1").ReadAll()
		done <- err
	}()
	for h.records.last(stead.QueryIntent).Statement == "" {
		time.Sleep(time.Millisecond)
	}
	h.change(decide.Delta{DeletedPolicies: []int64{1}})
	if err := <-done; wiretest.State(err) != "42501" {
		t.Errorf("%v", err)
	}
}

// TestOneStatementNeverInterruptsTheNext: statements of a session share an engine connection.
func TestOneStatementNeverInterruptsTheNext(t *testing.T) {
	ana := startHouse(t).as(t, "ana:secret")
	for range 300 {
		if got, err := wiretest.Ask(t, ana, "select count(*) from demo.hr where id = 3"); err != nil {
			t.Fatal(got, err)
		}
	}
}

func TestDataThatDoesNotFitIsToldFromTheAskersOwnMistake(t *testing.T) {
	h := startHouse(t)
	connection, _ := h.world.Connection("lake")
	file := filepath.Join(connection.Address, "hr.csv")
	if err := os.WriteFile(file, []byte("id,dept,ssn\n1,Sales,1\nraw-value,HR,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := h.as(t, "ana:secret")
	var pg *pgconn.PgError
	_, err := c.Exec(t.Context(), "SELECT id FROM demo.hr").ReadAll()
	if !errors.As(err, &pg) || pg.Code != "55000" || !strings.Contains(pg.Message, "lake:demo.hr has changed") || strings.Contains(fmt.Sprint(*pg), "raw-value") {
		t.Errorf("%v", err)
	}
	if _, err := c.Exec(t.Context(), "SELECT dept FROM demo.hr").ReadAll(); err != nil {
		t.Errorf("what does not read the column: %v", err)
	}
	_, err = c.Exec(t.Context(), "SELECT CAST('Conversion Error: CSV Error on Line: 2\n' || dept AS int) FROM demo.hr").ReadAll()
	if !errors.As(err, &pg) || pg.Code == "55000" {
		t.Errorf("the asker's own text passed for the data's: %v", err)
	}
}
