package wiretest

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Wire speaks the protocol message by message over a connection that is signed in.
type Wire struct {
	t  *testing.T
	fe *pgproto3.Frontend
}

// Speak takes the connection of c, which is signed in.
func Speak(t *testing.T, c *pgconn.PgConn) *Wire {
	t.Helper()
	h, err := c.Hijack()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Conn.Close() })
	return &Wire{t, h.Frontend}
}

// Send sends messages and returns what comes back until count ReadyForQuery or, with count 0, until
// an ErrorResponse, as short names.
func (w *Wire) Send(count int, msgs ...pgproto3.FrontendMessage) string {
	w.t.Helper()
	for _, m := range msgs {
		w.fe.Send(m)
	}
	if err := w.fe.Flush(); err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for {
		msg, err := w.fe.Receive()
		if err != nil {
			return strings.Join(append(out, "closed"), " ")
		}
		switch m := msg.(type) {
		case *pgproto3.ParseComplete:
			out = append(out, "parsed")
		case *pgproto3.BindComplete:
			out = append(out, "bound")
		case *pgproto3.CloseComplete:
			out = append(out, "closed")
		case *pgproto3.RowDescription:
			out = append(out, "columns:"+string(m.Fields[0].Name))
		case *pgproto3.ParameterDescription:
			out = append(out, "params")
		case *pgproto3.NoData:
			out = append(out, "nodata")
		case *pgproto3.DataRow:
			out = append(out, string(m.Values[0]))
		case *pgproto3.PortalSuspended:
			out = append(out, "suspended")
		case *pgproto3.CommandComplete:
			out = append(out, "["+string(m.CommandTag)+"]")
		case *pgproto3.EmptyQueryResponse:
			out = append(out, "empty")
		case *pgproto3.ErrorResponse:
			out = append(out, "!"+m.Code)
			if count == 0 {
				return strings.Join(out, " ")
			}
		case *pgproto3.ReadyForQuery:
			out = append(out, string(m.TxStatus))
			if count--; count == 0 {
				return strings.Join(out, " ")
			}
		}
	}
}

// Expect compares what Send returns.
func (w *Wire) Expect(want string, count int, msgs ...pgproto3.FrontendMessage) {
	w.t.Helper()
	if got := w.Send(count, msgs...); got != want {
		w.t.Errorf("got  %s\nwant %s", got, want)
	}
}
