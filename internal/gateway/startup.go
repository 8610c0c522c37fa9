package gateway

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sort"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"stead"
	"stead/internal/gateway/sqlstate"
	"stead/internal/session"
)

// The codes that stand where a start-up message has its protocol version.
const (
	codeCancel = 80877102
	codeTLS    = 80877103
	codeGSS    = 80877104

	maxStartUp = 10_000
	protocol3  = 3 << 16
)

// readStartUp reads exactly one start-up packet, so that nothing sent before the TLS handshake
// can be taken for something sent after it.
func readStartUp(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int(be32(head[:])) - 4
	if n < 4 || n > maxStartUp {
		return nil, sqlstate.Errorf(sqlstate.Protocol, stead.Invalid, "invalid length of start-up packet")
	}
	body := make([]byte, n)
	_, err := io.ReadFull(r, body)
	return body, err
}

// startUp answers requests for encryption until the start-up message is there. A nil message
// without an error means that the connection did what it came for.
func (c *conn) startUp() (*pgproto3.StartupMessage, error) {
	for range 3 { // GSS, TLS, start-up
		body, err := readStartUp(c.nc)
		if err != nil {
			return nil, err
		}
		switch code := be32(body); code {
		case codeCancel:
			if len(body) == 12 {
				c.srv.cancel(be32(body[4:8]), body[8:])
			}
			return nil, nil
		case codeGSS:
			err = c.reply('N')
		case codeTLS:
			err = c.startTLS()
		default:
			return c.decodeStartUp(code, body)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, sqlstate.Errorf(sqlstate.Protocol, stead.Invalid, "too many requests for encryption")
}

func (c *conn) reply(b byte) error {
	_, err := c.nc.Write([]byte{b})
	return err
}

func (c *conn) startTLS() error {
	if c.tls != nil {
		return sqlstate.Errorf(sqlstate.Protocol, stead.Invalid, "the connection is encrypted already")
	}
	if c.srv.cfg.TLS == nil {
		return c.reply('N')
	}
	if err := c.reply('S'); err != nil {
		return err
	}
	t := tls.Server(c.nc, c.srv.cfg.TLS)
	if err := t.HandshakeContext(c.srv.base); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	c.tls, c.nc = t, t
	return nil
}

func (c *conn) decodeStartUp(code uint32, body []byte) (*pgproto3.StartupMessage, error) {
	if code>>16 != 3 {
		return nil, sqlstate.Errorf(sqlstate.Unsupported, stead.Unsupported, "unsupported frontend protocol %d.%d", code>>16, code&0xffff).
			WithHint("The server speaks protocol 3.0.")
	}
	if c.srv.cfg.RequireTLS && c.tls == nil {
		return nil, sqlstate.Errorf(sqlstate.BadAuthorization, stead.Unauthenticated, "the connection is not encrypted").
			WithHint("Connect with sslmode=require.")
	}
	binary.BigEndian.PutUint32(body, protocol3)
	m := &pgproto3.StartupMessage{}
	if err := m.Decode(body); err != nil {
		return nil, sqlstate.Errorf(sqlstate.Protocol, stead.Invalid, "invalid start-up packet")
	}
	var unknown []string
	for k := range m.Parameters {
		if strings.HasPrefix(k, "_pq_.") {
			unknown = append(unknown, k)
			delete(m.Parameters, k)
		}
	}
	if code != protocol3 || len(unknown) > 0 {
		sort.Strings(unknown)
		c.send(&pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: 0, UnrecognizedOptions: unknown})
	}
	return m, nil
}

// begin takes the connection from its first byte to ReadyForQuery. False ends the connection.
func (c *conn) begin() bool {
	ctx, cancel := context.WithTimeout(c.srv.base, c.srv.cfg.Limits.StartUp)
	defer cancel()
	_ = c.nc.SetDeadline(time.Now().Add(c.srv.cfg.Limits.StartUp))
	m, err := c.startUp()
	if err == nil && m == nil {
		return false
	}
	if err == nil {
		err = c.enterSession(ctx, m)
	}
	if err != nil {
		c.refuseStart(err)
		return false
	}
	_ = c.nc.SetDeadline(time.Time{})
	c.fe.SetMaxBodyLen(c.srv.cfg.Limits.MessageBytes)
	c.greet()
	return c.flush() == nil
}

// refuseStart tells the client, unless it is the client that went away or fell silent.
func (c *conn) refuseStart(err error) {
	var ne net.Error
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &ne) && !sqlstate.Safe(err) {
		c.srv.cfg.Log.Debug("gateway client left during start-up", "client", c.addr, "error", err.Error())
		return
	}
	c.fatal(err)
}

// enterSession proves the login and opens its session.
func (c *conn) enterSession(ctx context.Context, m *pgproto3.StartupMessage) error {
	if err := c.srv.register(c); err != nil {
		return err
	}
	user := m.Parameters["user"]
	if user == "" {
		return sqlstate.Errorf(sqlstate.BadAuthorization, stead.Unauthenticated, "no user name was given").
			WithHint("Connect with user=NAME.")
	}
	client := session.Client{Address: c.addr, Application: m.Parameters["application_name"], Engine: "gateway"}
	login, err := c.authenticate(ctx, user)
	c.srv.cfg.Metrics.SignIn(err == nil)
	if err != nil {
		if sqlstate.Safe(err) {
			return c.srv.cfg.Sessions.Refused(ctx, user, client, err)
		}
		return err
	}
	if err := c.srv.signedIn(c, fmt.Sprintf("%d/%s", login.Actor.Identity, login.Actor.Login)); err != nil {
		return err
	}
	database := m.Parameters["database"]
	if database == "" {
		database = user
	}
	key, ok := c.srv.cfg.Connection(database, user)
	if !ok {
		return sqlstate.Errorf(sqlstate.NoDatabase, stead.NotFound, "database %q does not exist", database).
			WithHint("The database is the key of a connection.")
	}
	c.user, c.database = user, database
	c.settings = newSettings(c.srv.cfg.Namespace)
	wanted, err := startOptions(m.Parameters)
	if err != nil {
		return err
	}
	client.Connection = key
	if c.session, err = c.srv.cfg.Sessions.Open(ctx, login, client); err != nil {
		return err
	}
	for _, w := range wanted {
		if err := c.setStart(ctx, w.name, w.value); err != nil {
			return err
		}
	}
	c.settings.seal()
	return nil
}

type option struct{ name, value string }

// startOptions lists the settings that a start-up message asks for: those of "options" first,
// then the others by name.
func startOptions(params map[string]string) ([]option, error) {
	var out []option
	words, err := splitOptions(params["options"])
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "-c" && i+1 < len(words):
			i++
			w = words[i]
		case strings.HasPrefix(w, "--"):
			w = w[2:]
		case strings.HasPrefix(w, "-c"):
			w = w[2:]
		default:
			return nil, sqlstate.Errorf(sqlstate.Syntax, stead.Invalid, "invalid start-up option %q", w).WithHint("Only -c name=value is understood.")
		}
		name, value, ok := strings.Cut(w, "=")
		if !ok {
			return nil, sqlstate.Errorf(sqlstate.Syntax, stead.Invalid, "start-up option %q needs a value", w).WithHint("Write -c name=value.")
		}
		out = append(out, option{strings.ReplaceAll(name, "-", "_"), value})
	}
	var rest []option
	for k, v := range params {
		switch k {
		case "user", "database", "options", "replication":
		default:
			rest = append(rest, option{k, v})
		}
	}
	if r := params["replication"]; r != "" && r != "off" && r != "false" && r != "0" && r != "no" {
		return nil, sqlstate.Unsupportedf("replication connections are not offered")
	}
	sort.Slice(rest, func(i, j int) bool { return rest[i].name < rest[j].name })
	return append(out, rest...), nil
}

// splitOptions splits at spaces; a backslash takes the next byte as it is.
func splitOptions(s string) ([]string, error) {
	var words []string
	var w []byte
	in := false
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b == '\\':
			if i++; i == len(s) {
				return nil, sqlstate.Errorf(sqlstate.Syntax, stead.Invalid, "start-up options end in a backslash")
			}
			w, in = append(w, s[i]), true
		case b == ' ' || b == '\t' || b == '\n' || b == '\r':
			if in {
				words = append(words, string(w))
			}
			w, in = w[:0], false
		default:
			w, in = append(w, b), true
		}
	}
	if in {
		words = append(words, string(w))
	}
	return words, nil
}

// greet sends what a client expects after it was let in.
func (c *conn) greet() {
	c.send(&pgproto3.AuthenticationOk{})
	for _, name := range reportedSettings {
		c.send(&pgproto3.ParameterStatus{Name: name, Value: c.settings.show(c, name)})
	}
	c.send(&pgproto3.BackendKeyData{ProcessID: c.pid, SecretKey: c.secret[:]})
	c.ready()
}
