package reconcile

import (
	"context"
	"math"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
)

// Plan says what stands between the connection's platform and the current world, looking at the whole platform. It changes nothing.
func (s *Service) Plan(ctx context.Context, key string) (*push.Plan, error) {
	plan, _, err := s.plan(ctx, key)
	return plan, err
}

// Script is Plan as text that an administrator can run.
func (s *Service) Script(ctx context.Context, key string) (string, error) {
	_, script, err := s.plan(ctx, key)
	return script, err
}

func (s *Service) plan(ctx context.Context, key string) (*push.Plan, string, error) {
	if err := s.served(ctx, key); err != nil {
		return nil, "", err
	}
	w, err := s.opt.World()
	if err != nil {
		return nil, "", err
	}
	c, ok := w.Connection(key)
	if !ok {
		return nil, "", stead.Errorf(stead.NotFound, "there is no connection %q", key)
	}
	return s.look(ctx, w, c)
}

// Preview is Plan and Script for a connection that is not stored, or not as it is given. A password for this one time is given
// by WithPassword.
func (s *Service) Preview(ctx context.Context, c stead.Connection) (*push.Plan, string, error) {
	if !Pushed(c.Platform) {
		return nil, "", stead.Errorf(stead.Unsupported, "nothing is applied to connections of platform %q", c.Platform)
	}
	w, err := s.opt.World()
	if err != nil {
		return nil, "", err
	}
	c.ID = math.MaxInt64
	if old, ok := w.Connection(c.Key); ok {
		c.ID = old.ID
	}
	return s.look(ctx, w.With(decide.Delta{Connections: []*stead.Connection{&c}}), &c)
}

// look plans on a platform that is opened for this alone, so that nobody waits for it.
func (s *Service) look(ctx context.Context, w *decide.World, c *stead.Connection) (plan *push.Plan, script string, err error) {
	next, err := s.opt.Build(w, c.Key, nil)
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, s.opt.Timeout)
	defer cancel()
	type found struct {
		plan   *push.Plan
		script string
	}
	f, err := bounded(ctx, s.opt.Grace, func(ctx context.Context) (out found, err error) {
		p, err := s.opt.Open(ctx, *c)
		if err != nil {
			return out, err
		}
		defer func() {
			if closed := p.Close(); err == nil {
				err = closed
			}
		}()
		if out.plan, err = p.Plan(ctx, next, nil); err == nil {
			out.plan.Problems = problems(out.plan, next)
			out.script = p.Script(out.plan)
		}
		return out, err
	})
	return f.plan, f.script, err
}

type passwordKey struct{}

// WithPassword gives openers a password that is not stored.
func WithPassword(ctx context.Context, password string) context.Context {
	return context.WithValue(ctx, passwordKey{}, password)
}

// PasswordOf is what WithPassword gave.
func PasswordOf(ctx context.Context) (string, bool) {
	p, ok := ctx.Value(passwordKey{}).(string)
	return p, ok
}
