package session

import (
	"context"
	"sync"

	"stead"
	"stead/internal/audit"
)

// Session is one connection of one login. Its methods are safe for concurrent use; ID, Actor and Client
// never wait, so that the path that cancels a statement can use them.
type Session struct {
	id      string
	service *Service

	mu     sync.Mutex
	req    request        // login, client and engine never change
	liveAt stead.Revision // the credential was good in the world of this revision
}

// ID names the session in records.
func (s *Session) ID() string { return s.id }

// Actor is who signed in.
func (s *Session) Actor() stead.Actor { return s.req.login.Actor }

// Client is where the session comes from.
func (s *Session) Client() Client { return s.req.client }

// Impersonate asks in the stead of name ("name" or "iam:name") from now on; the empty name ends it. A
// refused name still becomes the session's request and every statement is refused until it is ended or
// replaced: a client that overlooks the error must not go on with other rights. Only a request that pinning forbids
// changes nothing. Unknown names and forbidden ones give the same error.
func (s *Session) Impersonate(ctx context.Context, name string) error {
	if name == "" {
		return s.EndImpersonation(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.service.world()
	if err != nil {
		if s.req.stands.Accepted() {
			s.req.stands.Doubt()
			return err
		}
		return firstError(s.req.stands.Request(canonicalOr(name), false), err)
	}
	if err := s.req.stands.Request(canonicalOr(name), s.req.engine.pinned(w)); err != nil {
		return s.refuse(ctx, stead.Impersonate, err, "refused: "+shorten(name))
	}
	_, err = s.settle(ctx, w)
	return err
}

// canonicalOr returns the name's canonical spelling, so that asking twice for one user in two spellings is no change,
// or the name itself, which resolving will refuse.
func canonicalOr(name string) string {
	iam, canonical, err := ParseName(name)
	if err != nil {
		return name
	}
	return FormatName(iam, canonical)
}

// EndImpersonation goes back to the login's own rights. It fails with stead.Denied where an accepted
// impersonation is pinned; then nothing changed.
func (s *Session) EndImpersonation(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, asked := s.req.stands.Requested()
	if !asked && !s.req.stands.InDoubt() {
		return nil
	}
	pinned := false
	if s.req.stands.Accepted() { // what was never accepted can always be left, also without a world
		w, err := s.service.world()
		if err != nil {
			s.req.stands.Doubt()
			return err
		}
		pinned = s.req.engine.pinned(w)
	}
	next := s.req.stands
	if err := next.End(pinned); err != nil {
		return s.refuse(ctx, stead.Impersonate, err, "refused to end: "+shorten(name))
	}
	r := s.record(stead.Impersonate)
	r.Status, r.Details = stead.Success, "ended: "+shorten(name)
	if err := s.service.append(ctx, r); err != nil {
		s.req.stands.Doubt()
		return err
	}
	s.req.stands = next
	return nil
}

// Impersonating returns the name asked for, for SHOW, and false when nobody is. It does not say that it is permitted.
func (s *Session) Impersonating() (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.req.stands.Requested()
}

// SetProject acts in the project from now on; "" acts in none. Like an impersonation, a refused
// project stays the session's request and refuses every statement until it is reset or replaced. Unknown
// projects and those of others give the same error.
func (s *Session) SetProject(ctx context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.req.project = &key
	w, err := s.service.world()
	if err != nil {
		return err
	}
	_, err = s.settle(ctx, w)
	return err
}

// ResetProject goes back to the project the subject, or the key, acts in.
func (s *Session) ResetProject() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.req.project = nil
}

// Project returns what SetProject asked for, for SHOW, and false when nothing was.
func (s *Session) Project() (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.req.project == nil {
		return "", false
	}
	return *s.req.project, true
}

// Begin resolves the asker for one statement (or one Execute) in the current world and pins the two
// together. A refusal is recorded with its cause.
func (s *Session) Begin(ctx context.Context) (*Statement, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.service.world()
	if err != nil {
		return nil, err
	}
	if err := s.live(ctx, w); err != nil {
		return nil, s.refuse(ctx, stead.QueryIntent, err, "")
	}
	asker, err := s.settle(ctx, w)
	if err != nil {
		return nil, err
	}
	return &Statement{Asker: asker, World: w, session: s, queryID: audit.NewID(), began: s.service.cfg.Now()}, nil
}

// live asks whether the credential still holds, when anything changed since it was last asked.
func (s *Session) live(ctx context.Context, w World) error {
	if s.service.cfg.Live == nil || s.liveAt == w.Revision() && s.liveAt != 0 {
		return nil
	}
	if err := s.service.cfg.Live(ctx, s.req.login.Actor); err != nil {
		if stead.CodeOf(err) == stead.Unauthenticated {
			return signedOut("the credential was withdrawn")
		}
		return err
	}
	s.liveAt = w.Revision()
	return nil
}

// settle resolves the request, records a refusal, and records the first time that an impersonation is permitted, before
// any statement runs under it. The lock is held.
func (s *Session) settle(ctx context.Context, w World) (stead.Asker, error) {
	asker, err := s.req.resolve(w, s.service.cfg.Now())
	name, asked := s.req.stands.Requested()
	if err != nil {
		kind, details := stead.QueryIntent, ""
		if asked {
			kind, details = stead.Impersonate, "refused: "+shorten(name)
		}
		return stead.Asker{}, s.refuse(ctx, kind, err, details)
	}
	if asked && !s.req.stands.Accepted() {
		r := s.record(stead.Impersonate)
		about(&r, &asker)
		r.Status, r.Details = stead.Success, "begun: "+shorten(name)
		if err := s.service.append(ctx, r); err != nil {
			return stead.Asker{}, err
		}
		s.req.stands.Accept()
	}
	return asker, nil
}

// admit checks what can be known before the first statement.
func (s *Session) admit() error {
	w, err := s.service.world()
	if err != nil {
		return err
	}
	now := s.service.cfg.Now()
	if err := s.req.reachable(w, now); err != nil {
		return err
	}
	own, err := s.req.own(w)
	if err == nil && own == nil && !s.req.engine.lists(w, s.req.login.Actor) {
		return signedOut("the login maps to no identity and may not stand in for anybody")
	}
	return err
}

func (s *Session) refuse(ctx context.Context, kind stead.RecordKind, err error, details string) error {
	r := s.record(kind)
	r.Details = details
	return s.service.refuse(ctx, r, err)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
