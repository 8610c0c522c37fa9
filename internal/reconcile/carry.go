package reconcile

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"stead"
	"stead/internal/push"
)

// patience is how often in a row what is done gives way before anything came of it. Then one step is finished first, so that who withdraws
// something again and again holds nothing up for ever. The kill switch of the connection is never put off.
const patience = 5

// carrier watches over one plan that is being applied.
type carrier struct {
	k    *connection
	plan *push.Plan
	stop context.CancelFunc
	beat chan struct{}

	mu     sync.Mutex
	done   int
	giving bool // it ends at the next step
	edited bool // objects were, or there are none to edit
	over   bool // what is told now is of no interest
}

// apply carries a plan out, and gives way where a newer world withdraws something: between two steps, and after
// Options.Yield within one. It returns the step that was not finished.
func (k *connection) apply(ctx context.Context, plan *push.Plan) (*push.Step, error) {
	began := k.opt.Now()
	k.tell(func(s *Status) {
		s.Phase, s.Done, s.Total, s.Step, s.Retry = Applying, 0, len(plan.Steps), plan.Steps[0].Object, nil
	})
	// The end of the service lets a step finish: it is no end of this context.
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	c := &carrier{k: k, plan: plan, stop: stop, beat: make(chan struct{}, 1), edited: !slices.ContainsFunc(plan.Steps, native)}
	p, result := k.platform, make(chan error, 1)
	go func() { result <- p.Apply(inner, plan, c.progress) }()
	defer c.leave()
	err := c.wait(ctx, result)
	if !isInterrupted(err) || c.came() {
		k.gave = 0
	} else {
		k.gave++
	}
	took := k.opt.Now().Sub(began)
	if slices.ContainsFunc(plan.Steps, func(s push.Step) bool { return s.Kind == push.ObjectEdit || s.Kind == push.Bootstrap }) {
		k.look = nil // whether it did what it said is looked at at once
	}
	if !isInterrupted(err) && (err == nil || stead.CodeOf(err) != stead.Conflict) {
		k.opt.Metrics.Applied(k.key, took, err)
	}
	k.applied(ctx, plan, c.finished(), took, err)
	return c.unfinished(), err
}

func (c *carrier) progress(p push.Progress) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	if p.Retry == nil {
		c.done = max(c.done, p.Done)
		c.edited = c.edited || p.Step != nil && native(*p.Step)
	}
	if c.giving && c.done < len(c.plan.Steps) {
		c.stop()
	}
	c.k.progress(p)
	select {
	case c.beat <- struct{}{}:
	default:
	}
}

func (c *carrier) finished() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done
}

// came reports whether something came of it: objects were edited, if there are any to edit.
func (c *carrier) came() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.edited
}

// native reports steps that take long, and are begun anew after they gave way.
func native(s push.Step) bool { return s.Kind == push.ObjectEdit || s.Kind == push.Release }

func (c *carrier) unfinished() *push.Step {
	if n := c.finished(); n < len(c.plan.Steps) {
		return &c.plan.Steps[n]
	}
	return nil
}

func (c *carrier) give() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.giving = true
}

func (c *carrier) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

// wait returns when the platform is done, gave way, or does not answer.
func (c *carrier) wait(ctx context.Context, result <-chan error) error {
	limit := time.NewTimer(c.k.opt.Timeout)
	defer limit.Stop()
	var cut <-chan time.Time
	var given, late, missed, owed bool
	defer func() {
		if missed {
			c.k.rouse()
		}
	}()
	look := func() {
		u := c.k.urgent(c.plan.Next)
		if owed = u != calm && u != ending && c.k.gave >= patience && !c.came(); owed || u == calm {
			return
		}
		given = true
		c.give()
		if u != giving && cut == nil {
			cut = time.After(c.k.opt.Yield)
		}
	}
	for end := ctx.Done(); ; {
		select {
		case err := <-result:
			return verdict(err, given, late)
		case <-c.beat:
			if !late {
				limit.Reset(c.k.opt.Timeout)
			}
			if owed && c.came() {
				look()
			}
		case <-c.k.wake:
			missed = true
			look()
		case <-end:
			end, given = nil, true
			c.give()
			cut = time.After(c.k.opt.Grace)
		case <-cut:
			cut = nil
			c.stop()
			limit.Reset(c.k.opt.Grace)
		case <-limit.C:
			if late || given {
				return c.gone(given)
			}
			late = true
			c.stop()
			limit.Reset(c.k.opt.Grace)
		}
	}
}

// gone gives up a platform that did not stop.
func (c *carrier) gone(given bool) error {
	c.k.abandon()
	if given {
		return errInterrupted
	}
	return stead.Errorf(stead.Unavailable, "the platform does not answer").
		WithHint("it is tried again; look at the platform and the way to it").WithCause(errAbandoned)
}

func verdict(err error, given, late bool) error {
	switch {
	case err == nil:
		return nil
	case given:
		return errInterrupted
	case late:
		return stead.Errorf(stead.Unavailable, "the platform did not finish a step in time").
			WithHint("it is tried again; look at the platform and the way to it").WithCause(err)
	}
	return err
}

func isInterrupted(err error) bool { return errors.Is(err, errInterrupted) }

// urgency is what a newer world has that what is being done has not.
type urgency uint8

const (
	calm   urgency = iota // no rows
	giving                // rows that can only give something
	taking                // rows that may take something away
	ending                // the connection is switched off, deleted or elsewhere
)

// urgent compares the world with what is being done.
func (k *connection) urgent(target *push.State) urgency {
	w, stale := k.current()
	if stale != nil {
		return calm
	}
	c, ok := w.Connection(k.key)
	if !ok || k.at != nil && !sameDoor(k.at, c) {
		return ending
	}
	next, err := k.opt.Build(w, k.key, k.built)
	if err != nil {
		return calm // the next step tells of it
	}
	k.built = next
	most := calm
	edits := push.Edits(target.Sets, hold(next, target, k.held).Sets)
	for i := range edits {
		switch e := &edits[i]; {
		case e.Table == push.Switches && len(e.Put) > 0:
			most = ending
		case gives(e):
			most = max(most, giving)
		default:
			most = max(most, taking)
		}
	}
	return most
}

// gives reports rows that can only give something to somebody.
func gives(e *push.Edit) bool {
	switch e.Table {
	case push.Members, push.Identities, push.Logins, push.StandIns, push.Scopes:
		return len(e.Delete) == 0
	}
	return false
}
