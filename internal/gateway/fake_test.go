package gateway

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"stead"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/pgvalue"
	"stead/internal/gateway/sqlstate"
	"stead/internal/gateway/wiretest"
	"stead/internal/session"
)

// fakeSessions runs statements on a bare engine as they are, and notes what was asked.
type fakeSessions struct {
	engine  *duck.Engine
	mu      sync.Mutex
	log     []string
	revoked bool // every Check and Execute is refused
	gone    bool // every Plan and Execute is refused as Unauthenticated
}

func (f *fakeSessions) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, fmt.Sprintf(format, args...))
}

func (f *fakeSessions) noted(part string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.log {
		if strings.Contains(l, part) {
			return true
		}
	}
	return false
}

func (f *fakeSessions) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeSessions) allowed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone {
		return stead.Errorf(stead.Unauthenticated, "your identity was disabled")
	}
	if f.revoked {
		return stead.Errorf(stead.Denied, "not permitted any more")
	}
	return nil
}

func (f *fakeSessions) Open(_ context.Context, l session.Login, c session.Client) (Session, error) {
	f.note("open %s on %s as %q", l.Actor.Login, c.Connection, c.Application)
	return &fakeSession{all: f}, nil
}

func (f *fakeSessions) Refused(_ context.Context, user string, _ session.Client, err error) error {
	f.note("refused %s", user)
	return err
}

type fakeSession struct {
	all      *fakeSessions
	who, key string
	refused  bool
}

func (s *fakeSession) Impersonate(_ context.Context, name string) error {
	s.who, s.refused = name, name == "nobody"
	if s.refused {
		return stead.Errorf(stead.Denied, "you may not ask in the stead of %q", name)
	}
	return nil
}
func (s *fakeSession) EndImpersonation(context.Context) error {
	s.who, s.refused = "", false
	return nil
}
func (s *fakeSession) Impersonating() (string, bool) { return s.who, s.who != "" }
func (s *fakeSession) SetProject(_ context.Context, key string) error {
	s.key = key
	return nil
}
func (s *fakeSession) ResetProject()           { s.key = "" }
func (s *fakeSession) Project() (string, bool) { return s.key, s.key != "" }
func (s *fakeSession) Close()                  { s.all.note("closed") }

func (s *fakeSession) Plan(ctx context.Context, q Query) (Plan, error) {
	if s.refused {
		return nil, stead.Errorf(stead.Denied, "you may not ask in the stead of %q", s.who)
	}
	if err := s.all.allowed(); err != nil {
		return nil, err
	}
	conn, err := s.all.engine.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	st, err := conn.Prepare(q.Text)
	if err != nil {
		return nil, sqlstate.Errorf(sqlstate.Syntax, stead.Invalid, "cannot plan").WithCause(err)
	}
	defer st.Close()
	p := &fakePlan{s: s, text: q.Text, cols: fakeColumns(st.Columns())}
	for i := range st.Params() {
		oid := pgvalue.TypeOf(st.ParamType(i)).OID
		if i < len(q.Params) && q.Params[i] != 0 {
			oid = q.Params[i]
		}
		p.params = append(p.params, oid)
	}
	return p, nil
}

type fakePlan struct {
	s      *fakeSession
	text   string
	params []uint32
	cols   []Column
}

func (p *fakePlan) Params() []uint32                          { return p.params }
func (p *fakePlan) Columns(context.Context) ([]Column, error) { return p.cols, nil }

func (p *fakePlan) Execute(ctx context.Context, args []Arg) (Rows, error) {
	if err := p.s.all.allowed(); err != nil {
		return nil, err
	}
	conn, err := p.s.all.engine.Conn(ctx)
	if err != nil {
		return nil, err
	}
	st, err := conn.Prepare(p.text)
	if err == nil {
		err = st.Bind(args...)
	}
	if err != nil {
		return nil, err
	}
	run, stop := context.WithCancelCause(context.Background())
	defer context.AfterFunc(ctx, func() { stop(context.Cause(ctx)) })()
	rows, err := st.Stream(run)
	if err != nil {
		stop(err)
		return nil, err
	}
	p.s.all.note("intent %s by %q", p.text, p.s.who)
	return &fakeRows{p: p, conn: conn, rows: rows, stop: stop, chunk: &fakeChunk{rows: rows, cols: p.cols}}, nil
}

type fakeRows struct {
	p     *fakePlan
	conn  *duck.Conn
	rows  *duck.Rows
	stop  context.CancelCauseFunc
	chunk *fakeChunk
}

func (r *fakeRows) Columns() []Column { return r.p.cols }
func (r *fakeRows) Next(ctx context.Context) (Chunk, error) {
	defer context.AfterFunc(ctx, func() { r.stop(context.Cause(ctx)) })()
	n, err := r.rows.Next()
	if err != nil {
		return nil, stead.Errorf(stead.Invalid, "the statement failed").WithCause(err)
	}
	if n == 0 {
		return nil, io.EOF
	}
	r.chunk.n = n
	return r.chunk, nil
}
func (r *fakeRows) Check(context.Context) error { return r.p.s.all.allowed() }
func (r *fakeRows) Close(rows int64, err error) error {
	r.p.s.all.note("outcome %d rows, error %t", rows, err != nil)
	r.stop(nil)
	return r.conn.Close()
}

// fakeChunk is the engine's current chunk.
type fakeChunk struct {
	rows *duck.Rows
	cols []Column
	n    int
}

func (c *fakeChunk) Len() int { return c.n }

func (c *fakeChunk) Append(dst []byte, col, row int, f pgvalue.Format) ([]byte, bool, error) {
	v := c.rows.Column(col)
	if v.Null(row) {
		return dst, false, nil
	}
	dst, err := pgvalue.Append(dst, v, row, c.cols[col].OID, f)
	return dst, true, err
}

func fakeColumns(cols []duck.Column) []Column {
	out := make([]Column, len(cols))
	for i, c := range cols {
		t := pgvalue.TypeOf(c.Type)
		out[i] = Column{Name: c.Name, OID: t.OID, Size: t.Size, Mod: t.Mod}
	}
	return out
}

// server starts a gateway over a bare engine and returns its address.
type server struct {
	*Server
	addr     string
	sessions *fakeSessions
	logs     *wiretest.Log
}

func startServer(t *testing.T, change func(*Config)) *server {
	t.Helper()
	engine, err := duck.Open(t.Context(), duck.Config{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	logs := &wiretest.Log{}
	sessions := &fakeSessions{engine: engine}
	cfg := Config{SignIn: wiretest.SignIn{"ana": "secret", "bi": "key-1"}, Sessions: sessions, Log: slog.New(slog.NewTextHandler(logs, nil)),
		Connection: func(database, user string) (string, bool) { return "main", database != "missing" }}
	if change != nil {
		change(&cfg)
	}
	srv, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if strings.Contains(logs.String(), "panic") {
			t.Errorf("a connection panicked:\n%s", logs)
		}
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return &server{srv, wiretest.Serve(t, srv), sessions, logs}
}

func (s *server) dsn(extra string) string {
	return fmt.Sprintf("postgres://ana:secret@%s/main?sslmode=disable%s", s.addr, extra)
}

func (s *server) connect(t *testing.T, extra string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), s.dsn(extra))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func (s *server) raw(t *testing.T, extra string) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), s.dsn(extra))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}
