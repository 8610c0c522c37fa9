package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// wireClient speaks the protocol by hand and keeps every byte that the server sends.
type wireClient struct {
	nc   net.Conn
	in   *bufio.Reader
	seen bytes.Buffer // since the last exchange began
	dead bool
}

// frame is one message of the server.
type frame struct {
	kind byte
	body []byte
}

// connect signs in; options are those of the start-up message.
func (h *leakHouse) connect(t testing.TB, user, options string) (*wireClient, error) {
	t.Helper()
	dsn := fmt.Sprintf("postgres://%s:%s@%s/lake?sslmode=disable&options=%s", user, url.QueryEscape(h.secrets[user]), h.addr, strings.ReplaceAll(url.QueryEscape(options), "+", "%20"))
	c, err := pgconn.Connect(context.Background(), dsn)
	if err != nil {
		return nil, err
	}
	k, err := c.Hijack()
	must(t, err)
	w := &wireClient{nc: k.Conn}
	w.in = bufio.NewReader(io.TeeReader(k.Conn, &w.seen))
	t.Cleanup(func() { _ = w.nc.Close() })
	return w, nil
}

// as is connect for who must be let in.
func (h *leakHouse) as(t testing.TB, user, options string) *wireClient {
	t.Helper()
	w, err := h.connect(t, user, options)
	must(t, err)
	return w
}

// exchange sends the messages and reads until the server is ready, or gone.
func (w *wireClient) exchange(msgs ...pgproto3.FrontendMessage) reply {
	w.seen.Reset()
	var out []byte
	var err error
	for _, m := range msgs {
		if out, err = m.Encode(out); err != nil {
			return reply{gone: err}
		}
	}
	_ = w.nc.SetDeadline(time.Now().Add(2 * time.Minute))
	go func() { _, _ = w.nc.Write(out) }() // the server may answer before it has read everything
	var r reply
	for {
		f, err := w.read()
		if err != nil {
			w.dead, r.gone, r.raw = true, err, bytes.Clone(w.seen.Bytes())
			return r
		}
		r.frames = append(r.frames, f)
		if f.kind == 'Z' {
			r.raw = bytes.Clone(w.seen.Bytes())
			return r
		}
	}
}

func (w *wireClient) read() (frame, error) {
	var head [5]byte
	if _, err := io.ReadFull(w.in, head[:]); err != nil {
		return frame{}, err
	}
	body := make([]byte, int(binary.BigEndian.Uint32(head[1:]))-4)
	_, err := io.ReadFull(w.in, body)
	return frame{head[0], body}, err
}

func (w *wireClient) query(sql string) reply { return w.exchange(&pgproto3.Query{String: sql}) }

// prepared sends a statement by the extended protocol.
func (w *wireClient) prepared(sql string, format int16, args ...string) reply {
	bind := &pgproto3.Bind{ResultFormatCodes: []int16{format}}
	for _, a := range args {
		bind.Parameters = append(bind.Parameters, []byte(a))
	}
	return w.exchange(&pgproto3.Parse{Query: sql}, &pgproto3.Describe{ObjectType: 'S'}, bind, &pgproto3.Execute{}, &pgproto3.Sync{})
}

// reply is what came back.
type reply struct {
	frames []frame
	raw    []byte
	gone   error // the server hung up
}

// state is the SQLSTATE of the first error, "rows" without one.
func (r reply) state() string {
	for _, f := range r.frames {
		if f.kind == 'E' {
			return field(f.body, 'C')
		}
	}
	if r.gone != nil {
		return "gone"
	}
	return "rows"
}

// text is the values of the rows, for tests that know what they asked.
func (r reply) text() string {
	var lines []string
	for _, f := range r.frames {
		switch f.kind {
		case 'D':
			var m pgproto3.DataRow
			if m.Decode(f.body) == nil {
				lines = append(lines, string(bytes.Join(m.Values, []byte("|"))))
			}
		case 'E':
			lines = append(lines, "!"+field(f.body, 'C'))
		}
	}
	if r.gone != nil {
		lines = append(lines, "gone")
	}
	return strings.Join(lines, " ")
}

func field(body []byte, which byte) string {
	for part := range bytes.SplitSeq(body, []byte{0}) {
		if len(part) > 0 && part[0] == which {
			return string(part[1:])
		}
	}
	return ""
}

// lines are all messages in a form that can be compared; rows in any order.
func (r reply) lines() []string {
	out := make([]string, len(r.frames))
	for i, f := range r.frames {
		out[i] = fmt.Sprintf("%c %q", f.kind, f.body)
	}
	slices.Sort(out)
	return out
}

// shape is success or failure and what else does not depend on which rows were picked.
func (r reply) shape() []string {
	return slices.DeleteFunc(r.lines(), func(l string) bool { return l[0] == 'D' || l[0] == 'd' || l[0] == 'C' })
}
