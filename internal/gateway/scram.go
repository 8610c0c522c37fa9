package gateway

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"stead"
	"stead/internal/gateway/sqlstate"
	"stead/internal/session"
)

const (
	scramPlain = "SCRAM-SHA-256"
	scramPlus  = "SCRAM-SHA-256-PLUS"
	nonceBytes = 18
)

// authenticate runs the SCRAM exchange. Passwords and API keys are proven the same way: the
// verifier knows every credential of the identity.
func (c *conn) authenticate(ctx context.Context, user string) (session.Login, error) {
	iam, name := c.srv.cfg.IAM, user
	if i, n, ok := strings.Cut(user, ":"); ok {
		iam, name = i, n
	}
	wrong := sqlstate.Errorf(sqlstate.BadPassword, stead.Unauthenticated, "password authentication failed for user %q", user).
		WithHint("Use the password of the user, or an API key as the password.")
	binding, err := c.endPoint()
	if err != nil {
		return session.Login{}, err
	}
	ex := exchange{binding: binding}
	first, mechanism, err := c.saslStart(binding != nil)
	if err != nil {
		return session.Login{}, err
	}
	if err := ex.clientFirst(mechanism, first); err != nil {
		return session.Login{}, err
	}
	params, err := c.srv.cfg.SignIn.SCRAM(ctx, iam, name)
	if err != nil {
		return session.Login{}, signInError(err, wrong)
	}
	challenge, err := ex.serverFirst(params.Salt, params.Iterations)
	if err != nil {
		return session.Login{}, err
	}
	last, err := c.saslContinue(challenge)
	if err != nil {
		return session.Login{}, err
	}
	proof, err := ex.clientFinal(last)
	if err != nil {
		return session.Login{}, err
	}
	signature, login, err := params.Verify(ex.authMessage, proof)
	if err != nil {
		return session.Login{}, signInError(err, wrong)
	}
	c.send(&pgproto3.AuthenticationSASLFinal{Data: []byte("v=" + base64.StdEncoding.EncodeToString(signature))})
	return login, nil
}

// signInError keeps the one text for everything that is about the credentials.
func signInError(err error, wrong *sqlstate.Error) error {
	if stead.CodeOf(err) == stead.Unauthenticated {
		return wrong.WithCause(err)
	}
	return err
}

func (c *conn) saslStart(plus bool) (data []byte, mechanism string, err error) {
	mechanisms := []string{scramPlain}
	if plus {
		mechanisms = []string{scramPlus, scramPlain}
	}
	c.send(&pgproto3.AuthenticationSASL{AuthMechanisms: mechanisms})
	if err := c.flush(); err != nil {
		return nil, "", err
	}
	_ = c.fe.SetAuthType(pgproto3.AuthTypeSASL)
	msg, err := c.fe.Receive()
	if err != nil {
		return nil, "", err
	}
	m, ok := msg.(*pgproto3.SASLInitialResponse)
	if !ok {
		return nil, "", errExchange
	}
	if m.AuthMechanism != scramPlain && !(plus && m.AuthMechanism == scramPlus) {
		return nil, "", sqlstate.Errorf(sqlstate.Protocol, stead.Unauthenticated, "the client selected an authentication mechanism that was not offered")
	}
	return m.Data, m.AuthMechanism, nil
}

func (c *conn) saslContinue(challenge string) ([]byte, error) {
	c.send(&pgproto3.AuthenticationSASLContinue{Data: []byte(challenge)})
	if err := c.flush(); err != nil {
		return nil, err
	}
	_ = c.fe.SetAuthType(pgproto3.AuthTypeSASLContinue)
	msg, err := c.fe.Receive()
	if err != nil {
		return nil, err
	}
	m, ok := msg.(*pgproto3.SASLResponse)
	if !ok {
		return nil, errExchange
	}
	return m.Data, nil
}

// endPoint is the tls-server-end-point channel binding: a hash of the certificate that this
// connection was shown, or nil without TLS.
func (c *conn) endPoint() ([]byte, error) {
	if c.tls == nil {
		return nil, nil
	}
	certs := c.srv.cfg.TLS.Certificates
	if len(certs) != 1 || len(certs[0].Certificate) == 0 {
		return nil, nil // chosen per client: the wire cannot know which one was shown
	}
	leaf, err := x509.ParseCertificate(certs[0].Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("server certificate: %w", err)
	}
	switch leaf.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		h := sha512.Sum384(leaf.Raw)
		return h[:], nil
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		h := sha512.Sum512(leaf.Raw)
		return h[:], nil
	case x509.PureEd25519:
		return nil, nil // RFC 5929 names no hash for it
	default:
		h := sha256.Sum256(leaf.Raw)
		return h[:], nil
	}
}

var errExchange = sqlstate.Errorf(sqlstate.Protocol, stead.Unauthenticated, "malformed SCRAM message")

// exchange is the server's side of one SCRAM-SHA-256 exchange (RFC 5802, RFC 7677).
type exchange struct {
	binding     []byte // channel binding data that is offered, nil for none
	header      string // GS2 header as the client sent it
	plus        bool
	clientBare  string
	server      string
	nonce       string
	authMessage string
}

func (e *exchange) clientFirst(mechanism string, data []byte) error {
	msg := string(data)
	flag, rest, ok := strings.Cut(msg, ",")
	if !ok {
		return errExchange
	}
	authzid, bare, ok := strings.Cut(rest, ",")
	if !ok {
		return errExchange
	}
	if authzid != "" {
		return sqlstate.Errorf(sqlstate.Unsupported, stead.Unsupported, "authorization identities are not offered in SCRAM").
			WithHint("Use SET immuta.impersonate.user after signing in.")
	}
	e.plus = mechanism == scramPlus
	switch {
	case flag == "p=tls-server-end-point" && e.plus:
	case flag == "n" && !e.plus:
	case flag == "y" && !e.plus && e.binding == nil:
	case flag == "y" && !e.plus:
		// The client could bind and believes that it was not offered: somebody removed the offer.
		return sqlstate.Errorf(sqlstate.BadAuthorization, stead.Unauthenticated, "SCRAM channel binding negotiation failed")
	default:
		return errExchange
	}
	e.header, e.clientBare = flag+",,", bare
	attrs := strings.Split(bare, ",")
	if len(attrs) != 2 || !strings.HasPrefix(attrs[0], "n=") || !strings.HasPrefix(attrs[1], "r=") || !nonceOK(attrs[1][2:]) {
		return errExchange
	}
	e.nonce = attrs[1][2:]
	return nil
}

func nonceOK(s string) bool {
	if s == "" || len(s) > 256 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < 0x21 || s[i] > 0x7e || s[i] == ',' {
			return false
		}
	}
	return true
}

func (e *exchange) serverFirst(salt []byte, iterations int) (string, error) {
	var b [nonceBytes]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	e.nonce += base64.StdEncoding.EncodeToString(b[:])
	e.server = fmt.Sprintf("r=%s,s=%s,i=%d", e.nonce, base64.StdEncoding.EncodeToString(salt), iterations)
	return e.server, nil
}

func (e *exchange) clientFinal(data []byte) (proof []byte, err error) {
	msg := string(data)
	cut := strings.LastIndex(msg, ",p=")
	if cut < 0 {
		return nil, errExchange
	}
	without := msg[:cut]
	attrs := strings.Split(without, ",")
	if len(attrs) != 2 || !strings.HasPrefix(attrs[0], "c=") || !strings.HasPrefix(attrs[1], "r=") {
		return nil, errExchange
	}
	bound, err := base64.StdEncoding.Strict().DecodeString(attrs[0][2:])
	if err != nil {
		return nil, errExchange
	}
	want := []byte(e.header)
	if e.plus {
		want = append(want, e.binding...)
	}
	if subtle.ConstantTimeCompare(bound, want) != 1 {
		return nil, sqlstate.Errorf(sqlstate.BadAuthorization, stead.Unauthenticated, "SCRAM channel binding check failed")
	}
	if subtle.ConstantTimeCompare([]byte(attrs[1][2:]), []byte(e.nonce)) != 1 {
		return nil, errExchange
	}
	proof, err = base64.StdEncoding.Strict().DecodeString(msg[cut+3:])
	if err != nil || len(proof) != sha256.Size {
		return nil, errExchange
	}
	e.authMessage = e.clientBare + "," + e.server + "," + without
	return proof, nil
}
