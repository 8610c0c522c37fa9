package session

import (
	"context"

	"stead"
	"stead/internal/audit"
)

// Service opens sessions. It has no state of its own and is safe for concurrent use.
type Service struct{ cfg Config }

// New returns a service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Open begins a session for a proven login and records the sign-in. It refuses, with a record, what could never ask: an
// identity that is gone or disabled, an unknown or disabled connection, a login without identity that
// may not stand in for anybody. It refuses with stead.Unavailable when the record cannot be made.
func (s *Service) Open(ctx context.Context, login Login, client Client) (*Session, error) {
	e, err := engineOf(client.Engine)
	if err != nil {
		return nil, err
	}
	out := &Session{id: audit.NewID(), service: s, req: request{login: login, client: client, engine: e}}
	if err := out.admit(); err != nil {
		return nil, s.refuse(ctx, out.record(stead.SignIn), err)
	}
	r := out.record(stead.SignIn)
	r.Status = stead.Success
	if err := s.append(ctx, r); err != nil {
		return nil, err
	}
	return out, nil
}

// SignInRefused records a login that was not proven; err is what SignIn returned. The login is kept as it
// was typed, so callers pass user names only, never secrets. It returns err, or why no record could be made.
func (s *Service) SignInRefused(ctx context.Context, a stead.Actor, client Client, err error) error {
	out := &Session{id: audit.NewID(), service: s, req: request{login: Login{Actor: a}, client: client}}
	return s.refuse(ctx, out.record(stead.SignIn), err)
}

// refuse records a refusal with its cause and returns it.
func (s *Service) refuse(ctx context.Context, r stead.Record, err error) error {
	safe := stead.AsError(err)
	r.Status, r.Reason, r.Cause = stead.Unauthorized, safe.Message, causeOf(safe)
	if err := s.append(context.WithoutCancel(ctx), r); err != nil {
		return err
	}
	return err
}

// causeOf is what an auditor reads. Causes of denials are stead's own words; those of other errors may quote data or
// secrets and stay in the server's log.
func causeOf(e *stead.Error) string {
	switch e.Code {
	case stead.Denied, stead.NotFound, stead.Unauthenticated, stead.Unavailable:
		if e.Cause != nil {
			return e.Cause.Error()
		}
	}
	return ""
}

func (s *Service) append(ctx context.Context, r stead.Record) error {
	if err := s.cfg.Log.Append(ctx, r); err != nil {
		return stead.Errorf(stead.Unavailable, "the audit log cannot take records, so nothing is answered").
			WithHint("try again later; the operator's log has the cause").WithCause(err)
	}
	return nil
}

// world returns the current world, or refuses.
func (s *Service) world() (World, error) {
	w, err := s.cfg.World()
	if err == nil && w != nil {
		return w, nil
	}
	return nil, stead.Errorf(stead.Unavailable, "policies are not current enough to answer").
		WithHint("try again later").WithCause(err)
}
