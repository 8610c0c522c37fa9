package httpapi

import (
	"context"
	"crypto/sha256"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/time/rate"

	"stead"
	"stead/internal/govern"
	"stead/internal/session"
)

// keyScheme names the way of signing in; open is the metadata of operations that need none.
const (
	keyScheme = "key"
	open      = "open"
)

// call is what is known about one request.
type call struct {
	id      string
	address string
	agent   string
	login   session.Login
	conn    *http.ResponseController
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// callerOf is who asks, as govern wants to know it. Without authentication it is the zero caller, who may do nothing.
func callerOf(ctx context.Context) govern.Caller {
	c := callOf(ctx)
	return govern.Caller{Actor: c.login.Actor, Address: c.address, Application: c.agent}
}

// authenticate proves the key before anything of the request is read further.
func (s *server) authenticate(ctx huma.Context, next func(huma.Context)) {
	if ctx.Operation().Metadata[open] == true {
		next(ctx)
		return
	}
	c := callOf(ctx.Context())
	login, err := s.login(ctx.Context(), c, ctx.Header("Authorization"))
	if err != nil {
		p := problemOf(err)
		if stead.CodeOf(err) == stead.Unauthenticated {
			ctx.SetHeader("WWW-Authenticate", `Bearer realm="stead"`)
		}
		if p.Status == http.StatusRequestEntityTooLarge { // the only limit here is the one on failures
			p.Status, p.Title = http.StatusTooManyRequests, http.StatusText(http.StatusTooManyRequests)
			ctx.SetHeader("Retry-After", "10")
		}
		s.logProblem(c, p)
		s.write(ctx, p)
		return
	}
	c.login = login
	next(ctx)
}

func (s *server) write(ctx huma.Context, p *Problem) {
	p.Request = callOf(ctx.Context()).id
	ctx.SetHeader("Content-Type", p.ContentType(""))
	ctx.SetStatus(p.Status)
	if err := s.api.Marshal(ctx.BodyWriter(), "application/json", p); err != nil {
		s.Log.Warn("an answer could not be written", "cause", err)
	}
}

func (s *server) login(ctx context.Context, c *call, header string) (session.Login, error) {
	secret := header
	if scheme, rest, ok := strings.Cut(header, " "); ok && strings.EqualFold(scheme, "Bearer") {
		secret = strings.TrimSpace(rest)
	}
	if secret == "" {
		return session.Login{}, stead.Errorf(stead.Unauthenticated, "a key is needed").
			WithHint("send it as Authorization: Bearer <key>")
	}
	if !s.failures.allow(c.address) {
		return session.Login{}, stead.Errorf(stead.Limit, "too many wrong keys came from this address").WithHint("try again later")
	}
	login, err := s.prove(ctx, secret)
	if stead.CodeOf(err) == stead.Unauthenticated && err != nil {
		s.failures.count(c.address)
		return session.Login{}, s.Sessions.SignInRefused(ctx, stead.Actor{Method: "apikey"},
			session.Client{Address: c.address, Application: c.agent, Engine: "http"}, err)
	}
	return login, err
}

// prove asks for a key once in a world: as long as nothing has changed, it proves what it proved. Credentials that end change the world.
func (s *server) prove(ctx context.Context, secret string) (session.Login, error) {
	w, err := s.World()
	if err != nil {
		return s.SignIn.APIKey(ctx, secret)
	}
	hash := sha256.Sum256([]byte(secret))
	if l, ok := s.logins.get(hash, w.Revision(), s.Now()); ok {
		return l, nil
	}
	l, err := s.SignIn.APIKey(ctx, secret)
	if err == nil {
		s.logins.put(hash, w.Revision(), l)
	}
	return l, err
}

// logins remembers proven keys by their hashes, for one revision of the world.
type logins struct {
	mu       sync.Mutex
	revision stead.Revision
	proven   map[[sha256.Size]byte]session.Login
}

// maxLogins bounds what is remembered.
const maxLogins = 10_000

func newLogins() *logins { return &logins{proven: map[[sha256.Size]byte]session.Login{}} }

func (l *logins) get(hash [sha256.Size]byte, at stead.Revision, now time.Time) (session.Login, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.revision != at {
		return session.Login{}, false
	}
	login, ok := l.proven[hash]
	return login, ok && (login.Expires == nil || now.Before(*login.Expires))
}

func (l *logins) put(hash [sha256.Size]byte, at stead.Revision, login session.Login) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at < l.revision {
		return
	}
	if at > l.revision || len(l.proven) >= maxLogins {
		l.revision = at
		clear(l.proven)
	}
	l.proven[hash] = login
}

// failures slows addresses down that send wrong keys.
type failures struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[string]*rate.Limiter
}

const (
	failuresAtOnce = 20
	failuresEvery  = 2 * time.Second
	maxAddresses   = 10_000
)

func newFailures(now func() time.Time) *failures {
	return &failures{now: now, by: map[string]*rate.Limiter{}}
}

// allow reports whether the address may try a key.
func (f *failures) allow(address string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, ok := f.by[address]
	return !ok || l.TokensAt(f.now()) >= 1
}

// count takes note of a wrong key.
func (f *failures) count(address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, ok := f.by[address]
	if !ok {
		if len(f.by) >= maxAddresses {
			f.forget()
		}
		l = rate.NewLimiter(rate.Every(failuresEvery), failuresAtOnce)
		f.by[address] = l
	}
	l.AllowN(f.now(), 1)
}

// forget drops the addresses that have been quiet, or all when none was.
func (f *failures) forget() {
	for a, l := range f.by {
		if l.TokensAt(f.now()) >= failuresAtOnce {
			delete(f.by, a)
		}
	}
	if len(f.by) >= maxAddresses {
		clear(f.by)
	}
}

// host is the address without its port.
func host(remote string) string {
	h, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return h
}
