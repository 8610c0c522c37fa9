package reconcile

import (
	"errors"
	"slices"
	"time"

	"stead"
	"stead/internal/push"
)

// Status is a copy of where the connection stands.
func (k *connection) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.status
	s.Problems, s.Drift, s.Held = slices.Clone(s.Problems), slices.Clone(s.Drift), slices.Clone(s.Held)
	if k.opt.Collected != nil {
		if c, ok := k.opt.Collected(k.key); ok {
			s.Collected = &c
		}
	}
	return s
}

// tell changes the status.
func (k *connection) tell(change func(*Status)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.status.Phase
	change(&k.status)
	if k.status.Phase != before {
		k.status.Since = k.opt.Now()
	}
}

// fail says what failed, and when it is tried again.
func (k *connection) fail(err error) {
	next := k.again()
	k.opt.Log.Warn("a connection is not current", "connection", k.key, "error", err, "cause", stead.AsError(err).Cause, "retry", next)
	k.tell(func(s *Status) {
		s.Phase, s.Error, s.Retry = Failing, stead.AsError(err).Error(), &next
		s.Step, s.Done, s.Total = "", 0, 0
	})
}

// settle says where the connection stands after everything was tried.
func (k *connection) settle(c *stead.Connection, at stead.Revision, err error) {
	if isInterrupted(err) {
		return
	}
	if pending := (*pendingError)(nil); errors.As(err, &pending) {
		k.failures, k.retry = 0, nil
		k.lookAgain()
		k.tell(func(s *Status) {
			s.Phase, s.Error, s.Retry, s.Step = Pending, pending.Error(), nil, ""
			s.Held = k.held.list()
		})
		return
	}
	if err != nil {
		k.fail(err)
		k.tell(func(s *Status) { s.Held = k.held.list() })
		return
	}
	var next *time.Time
	switch {
	case !k.held.trouble():
		k.retry, k.failures = nil, 0
	case k.retry == nil: // a timer that runs is not put off by changes
		at := k.again()
		next = &at
	}
	k.tell(func(s *Status) {
		s.Error, s.Step, s.Done, s.Total = "", "", 0, 0
		if next != nil || k.retry == nil {
			s.Retry = next
		}
		s.Held = k.held.list()
		switch {
		case k.held.trouble():
			s.Phase, s.Error = Failing, "some data sources are closed until their objects can be edited"
		case k.own:
			s.Phase, s.Error = Pending, "stead's own objects wait to be brought up to date: apply the connection, or run its script"
		case len(k.held) > 0:
			s.Phase = Pending
		case c.Disabled:
			s.Phase, s.Applied = Off, at
		default:
			s.Phase, s.Applied = Current, at
		}
	})
}

// list is the holds by data source.
func (h holds) list() []Held {
	var out []Held
	for id, v := range h {
		out = append(out, Held{Source: id, Path: v.path, Reason: v.reason})
	}
	slices.SortFunc(out, func(a, b Held) int { return int(a.Source - b.Source) })
	return out
}

// obstacle is why a connection is not current though nothing failed.
func (k *connection) obstacle() error {
	for _, h := range k.held.list() {
		return stead.Errorf(stead.Conflict, "%s: %s", stead.Object{Connection: k.key, Path: h.Path}, h.Reason).
			WithHint("it is closed until then; the connection's status has all that stands in the way")
	}
	return nil
}

// progress takes what a platform tells of its work.
func (k *connection) progress(p push.Progress) {
	k.tell(func(s *Status) {
		s.Done, s.Total = p.Done, p.Total
		if p.Step != nil {
			s.Step = p.Step.Object
		}
		if p.Retry != nil {
			s.Error = stead.AsError(p.Retry).Error()
		}
	})
}
