package gateway

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"stead/internal/gateway/wiretest"
)

func (s *server) wire(t *testing.T, extra string) *wiretest.Wire {
	t.Helper()
	return wiretest.Speak(t, s.raw(t, extra))
}

type (
	parseMsg    = pgproto3.Parse
	bindMsg     = pgproto3.Bind
	describeMsg = pgproto3.Describe
	executeMsg  = pgproto3.Execute
	closeMsg    = pgproto3.Close
	syncMsg     = pgproto3.Sync
	queryMsg    = pgproto3.Query
)

func TestPortals(t *testing.T) {
	s := startServer(t, nil)
	w := s.wire(t, "")
	w.Expect("parsed bound columns:i 0 1 suspended 2 3 suspended 4 [SELECT 1] I", 1,
		&parseMsg{Query: "select i from range(5) t(i)"}, &bindMsg{}, &describeMsg{ObjectType: 'P'}, &executeMsg{MaxRows: 2},
		&executeMsg{MaxRows: 2}, &executeMsg{}, &syncMsg{})
	w.Expect("!34000 I", 1, &executeMsg{}, &syncMsg{})
	// Two portals side by side, in a transaction, also after Sync.
	w.Expect("[BEGIN] T", 1, &queryMsg{String: "BEGIN"})
	w.Expect("parsed bound bound 0 suspended 0 1 suspended T", 1, &parseMsg{Name: "s", Query: "select i from range(5) t(i)"},
		&bindMsg{DestinationPortal: "a", PreparedStatement: "s"}, &bindMsg{DestinationPortal: "b", PreparedStatement: "s"},
		&executeMsg{Portal: "a", MaxRows: 1}, &executeMsg{Portal: "b", MaxRows: 2}, &syncMsg{})
	w.Expect("1 2 3 4 [SELECT 4] 2 suspended T", 1, &executeMsg{Portal: "a"}, &executeMsg{Portal: "b", MaxRows: 1}, &syncMsg{})
	w.Expect("closed T", 1, &closeMsg{ObjectType: 'P', Name: "b"}, &syncMsg{})
	w.Expect("!34000 E", 1, &executeMsg{Portal: "b"}, &syncMsg{})
	w.Expect("!25P02 E", 1, &parseMsg{Query: "select 1"}, &executeMsg{}, &syncMsg{})
	w.Expect("[ROLLBACK] I", 1, &queryMsg{String: "ROLLBACK"})
	// Errors skip until Sync and come without one.
	w.Expect("!42601", 0, &parseMsg{Query: "selec"}, &pgproto3.Flush{})
	w.Expect("I", 1, &bindMsg{}, &executeMsg{}, &syncMsg{})
	w.Expect("params columns:i I", 1, &describeMsg{ObjectType: 'S', Name: "s"}, &syncMsg{})
	w.Expect("!26000 I", 1, &describeMsg{ObjectType: 'S', Name: "none"}, &syncMsg{})
	w.Expect("!42P05 I", 1, &parseMsg{Name: "s", Query: "select 1"}, &syncMsg{})
	w.Expect("parsed bound empty I", 1, &parseMsg{Query: ""}, &bindMsg{}, &executeMsg{}, &syncMsg{})
	w.Expect("parsed params nodata bound [SET] I", 1, &parseMsg{Query: "set application_name = 'z'"}, &describeMsg{ObjectType: 'S'}, &bindMsg{}, &executeMsg{}, &syncMsg{})
	w.Expect("parsed bound columns:application_name z [SHOW] I", 1, &parseMsg{Query: "show application_name"}, &bindMsg{},
		&describeMsg{ObjectType: 'P'}, &executeMsg{}, &syncMsg{})
	w.Expect("!0A000 I", 1, &pgproto3.FunctionCall{Function: 1}, &syncMsg{})
	if !s.sessions.noted("outcome 3 rows, error false") {
		t.Error("a portal that was closed early has no outcome")
	}
}

func TestPortalGoesOnOnlyWithTheRight(t *testing.T) {
	s := startServer(t, nil)
	w := s.wire(t, "")
	w.Expect("[BEGIN] T", 1, &queryMsg{String: "BEGIN"})
	w.Expect("parsed bound 0 suspended T", 1, &parseMsg{Name: "s", Query: "select i from range(5) t(i)"},
		&bindMsg{DestinationPortal: "a", PreparedStatement: "s"}, &executeMsg{Portal: "a", MaxRows: 1}, &syncMsg{})
	w.Expect("[DECLARE CURSOR] columns:i 0 [FETCH 1] T", 1, &queryMsg{String: "DECLARE c CURSOR FOR select i from range(5) t(i); FETCH c"})
	s.sessions.set(func() { s.sessions.revoked = true })
	w.Expect("!42501 E", 1, &executeMsg{Portal: "a"}, &syncMsg{})
	w.Expect("!25P02 E", 1, &queryMsg{String: "FETCH c"})
	s.sessions.set(func() { s.sessions.revoked, s.sessions.gone = false, true })
	w.Expect("[ROLLBACK] I", 1, &queryMsg{String: "ROLLBACK"})
	w.Expect("!28000 closed", 1, &queryMsg{String: "select 1"})
}

func TestImpersonationDropsPortals(t *testing.T) {
	s := startServer(t, nil)
	w := s.wire(t, "")
	w.Expect("[DECLARE CURSOR] I", 1, &queryMsg{String: "DECLARE c CURSOR WITH HOLD FOR select i from range(5) t(i)"})
	w.Expect("columns:i 0 [FETCH 1] I", 1, &queryMsg{String: "FETCH c"})
	w.Expect("[SET] I", 1, &queryMsg{String: "set immuta.impersonate.user = 'bob'"})
	w.Expect("!34000 I", 1, &queryMsg{String: "FETCH c"})
}

func TestCursors(t *testing.T) {
	c := startServer(t, nil).raw(t, "")
	for _, k := range []struct{ sql, want, state string }{
		{"DECLARE c CURSOR FOR select 1", "", "25P01"},
		{"BEGIN; DECLARE c NO SCROLL CURSOR FOR select i from range(10) t(i); FETCH 2 FROM c; FETCH NEXT c; MOVE 3 IN c; FETCH FORWARD 2 FROM c; FETCH ALL FROM c; FETCH c; CLOSE c; COMMIT",
			"[BEGIN] [DECLARE CURSOR] 0 1 [FETCH 2] 2 [FETCH 1] [MOVE 3] 6 7 [FETCH 2] 8 9 [FETCH 2] [FETCH 0] [CLOSE CURSOR] [COMMIT]", ""},
		{"BEGIN; DECLARE c SCROLL CURSOR FOR select 1", "[BEGIN]", "0A000"},
		{"ROLLBACK; BEGIN; DECLARE c CURSOR FOR select 1; FETCH PRIOR FROM c", "[ROLLBACK] [BEGIN] [DECLARE CURSOR]", "55000"},
		{"ROLLBACK; FETCH c", "[ROLLBACK]", "34000"},
		{"BEGIN; DECLARE c CURSOR FOR select 1; DECLARE c CURSOR FOR select 1", "[BEGIN] [DECLARE CURSOR]", "42P03"},
		{"ROLLBACK; BEGIN; DECLARE h CURSOR WITH HOLD FOR select 7; COMMIT; FETCH h; CLOSE ALL", "[ROLLBACK] [BEGIN] [DECLARE CURSOR] [COMMIT] 7 [FETCH 1] [CLOSE CURSOR ALL]", ""},
		{"BEGIN; DECLARE h CURSOR WITH HOLD FOR select 7; ROLLBACK; FETCH h", "[BEGIN] [DECLARE CURSOR] [ROLLBACK]", "34000"},
	} {
		got, err := wiretest.Ask(t, c, k.sql)
		if got != k.want || wiretest.State(err) != k.state {
			t.Errorf("%s\n got %s (%s)\nwant %s (%s)", k.sql, got, wiretest.State(err), k.want, k.state)
		}
	}
	// A cursor declared with a parameter, by the extended protocol.
	if _, err := wiretest.Ask(t, c, "BEGIN"); err != nil {
		t.Fatal(err)
	}
	if r := c.ExecParams(t.Context(), "DECLARE p CURSOR FOR select $1::int + 1", [][]byte{[]byte("4")}, []uint32{23}, nil, nil).Read(); r.Err != nil {
		t.Fatal(r.Err)
	}
	if got, err := wiretest.Ask(t, c, "FETCH p; COMMIT"); got != "5 [FETCH 1] [COMMIT]" {
		t.Error(got, err)
	}
}

func TestCopyOut(t *testing.T) {
	s := startServer(t, nil)
	c := s.raw(t, "")
	q := "select * from (values (1, 'a,\"b\nc'), (2, null), (3, ''), (4, 'x\ty\\')) v(n, t)"
	for _, k := range []struct{ sql, want string }{
		{"COPY (" + q + ") TO STDOUT", "1\ta,\"b\\nc\n2\t\\N\n3\t\n4\tx\\ty\\\\\n"},
		{"COPY (" + q + ") TO STDOUT WITH (FORMAT csv, HEADER)", "n,t\n1,\"a,\"\"b\nc\"\n2,\n3,\"\"\n4,x\ty\\\n"},
		{"COPY (" + q + ") TO STDOUT CSV DELIMITER ';' NULL 'NIL'", "1;\"a,\"\"b\nc\"\n2;NIL\n3;\n4;x\ty\\\n"},
		{"COPY (select 1 where false) TO STDOUT (FORMAT text)", ""},
	} {
		var b strings.Builder
		if _, err := c.CopyTo(t.Context(), &b, k.sql); err != nil || b.String() != k.want {
			t.Errorf("%s: %q, %v; want %q", k.sql, b.String(), err, k.want)
		}
	}
	var b strings.Builder
	tag, err := c.CopyTo(t.Context(), &b, "COPY (select i::int from range(3) t(i)) TO STDOUT (FORMAT binary)")
	want := "PGCOPY\n\xff\r\n\x00" + strings.Repeat("\x00", 8)
	for _, n := range []string{"\x00", "\x01", "\x02"} {
		want += "\x00\x01\x00\x00\x00\x04\x00\x00\x00" + n
	}
	if want += "\xff\xff"; err != nil || tag.String() != "COPY 3" || b.String() != want {
		t.Errorf("%q %v %v", b.String(), tag, err)
	}
	if !s.sessions.noted("outcome 4 rows") {
		t.Error("COPY has no outcome")
	}
	if _, err := c.CopyFrom(context.Background(), strings.NewReader("1\n"), "COPY t FROM STDIN"); wiretest.State(err) != "0A000" {
		t.Error(err)
	}
	if got, err := wiretest.Ask(t, c, "select 1"); got != "1 [SELECT 1]" {
		t.Error(got, err)
	}
}
