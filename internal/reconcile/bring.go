package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
)

// rounds is how often an attempt plans anew before it gives up until later.
const rounds = 20

// errInterrupted says that what was being done gave way to a newer world.
var errInterrupted = errors.New("interrupted by a newer world")

// errOwnWait says that stead's own objects are to be brought up to date, by somebody; rows do not wait for that.
var errOwnWait = errors.New("stead's own objects wait to be brought up to date")

// pendingError says that nothing is applied until somebody asks for it.
type pendingError struct{ why *stead.Error }

func (p *pendingError) Error() string { return p.why.Error() }
func (p *pendingError) Unwrap() error { return p.why }

// bring gets the platform to the world: it plans, holds what may not or cannot be edited, applies, and begins anew where
// somebody else was faster.
func (k *connection) bring(ctx context.Context, w *decide.World, want request, d due) error {
	next, err := k.opt.Build(w, k.key, k.built)
	if err != nil {
		return err
	}
	k.built = next
	k.release(want, d)
	if k.since == nil || !next.Settings.Manual {
		k.own = false
	}
	for range rounds {
		target := hold(next, k.since, k.held)
		if k.own {
			target = waiting(target)
		}
		plan, err := k.plan(ctx, target)
		if stead.CodeOf(err) == stead.Conflict && k.since != nil {
			k.since = nil
			continue
		}
		if err != nil {
			return k.fault(err)
		}
		k.tell(func(s *Status) { s.Problems = problems(plan, next) })
		more, err := k.barred(plan, want)
		if errors.Is(err, errOwnWait) {
			k.own, k.since = true, nil
			continue
		}
		if err != nil {
			return err
		}
		if len(more) > 0 {
			maps.Copy(k.held, more)
			continue
		}
		done, err := k.carryOut(ctx, plan, target)
		if done || err != nil {
			return err
		}
	}
	return stead.Errorf(stead.Conflict, "the platform changes while it is being planned for").WithHint("it is tried again")
}

// release gives data sources that are held another chance, when it is time to.
func (k *connection) release(want request, d due) {
	pending := len(k.held) > 0 && !k.held.trouble() || k.Status().Phase == Pending
	switch {
	case want.objects:
		k.held, k.since = holds{}, nil
	case d == dueRetry && k.settled:
		k.held, k.since = holds{}, nil
	case d == dueLook && pending: // somebody may have run the script
		k.held, k.since = holds{}, nil
	default:
		k.held = k.held.without(manual) // held again below, unless the change was taken back
	}
	k.settled = false
}

// carryOut applies one plan. Without an error it is done, or a new plan is needed.
func (k *connection) carryOut(ctx context.Context, plan *push.Plan, target *push.State) (done bool, err error) {
	if len(plan.Steps) == 0 {
		k.since, k.settled = target, true
		return true, nil
	}
	at, err := k.apply(ctx, plan)
	if err == nil {
		clear(k.suspects)
		k.since, k.settled = target, true
		return true, nil
	}
	k.since = nil
	if isInterrupted(err) {
		return false, err
	}
	if stuck := k.blamed(err, at); len(stuck) > 0 {
		for id, why := range stuck {
			k.held[id] = held{kind: failed, reason: "its objects could not be edited: " + why.Message, path: pathOf(target, id)}
			k.opt.Log.Warn("a data source is closed, as its objects could not be edited", "connection", k.key, "source", id, "error", why, "cause", why.Cause)
		}
		return false, nil
	}
	if stead.CodeOf(err) == stead.Conflict {
		return false, nil
	}
	return false, k.fault(err)
}

// blamed are the data sources whose steps failed and why, none when it is not the steps' fault. A platform that is away or
// was changed by others is blamed first, and the steps when they meet that twice in a row: their tables are busy.
func (k *connection) blamed(err error, at *push.Step) map[stead.SourceID]*stead.Error {
	out := map[stead.SourceID]*stead.Error{}
	blame := func(s *push.Step, err error, named bool) {
		if s == nil || s.Kind != push.ObjectEdit && s.Kind != push.Release || s.Source == 0 {
			return
		}
		e := stead.AsError(err)
		switch e.Code {
		case stead.Canceled:
			return
		case stead.Unavailable, stead.Conflict:
			if !named || !k.suspects[s.Source] {
				k.suspects[s.Source] = named
				return
			}
		}
		delete(k.suspects, s.Source)
		out[s.Source] = e
	}
	steps := stepErrors(err)
	for _, f := range steps {
		blame(f.Step, f.Err, true)
	}
	if len(steps) == 0 {
		blame(at, err, false)
	}
	return out
}

// stepErrors finds the errors about steps in an error or several joined ones.
func stepErrors(err error) []*push.StepError {
	switch e := err.(type) {
	case *push.StepError:
		return []*push.StepError{e}
	case interface{ Unwrap() []error }:
		var out []*push.StepError
		for _, x := range e.Unwrap() {
			out = append(out, stepErrors(x)...)
		}
		return out
	case interface{ Unwrap() error }:
		return stepErrors(e.Unwrap())
	}
	return nil
}

// barred gives the data sources of a plan that must be held, or an error when none of it may be applied.
func (k *connection) barred(plan *push.Plan, want request) (holds, error) {
	manually := plan.Next.Settings.Manual && !want.objects
	more := holds{}
	stuck := false
	for i := range plan.Steps {
		step := &plan.Steps[i]
		switch step.Kind {
		case push.Bootstrap:
			if manually && plan.From != 0 && !plan.Next.Held {
				return nil, errOwnWait
			}
			if !want.bootstrap && (plan.From == 0 || manually) {
				return nil, &pendingError{stead.Errorf(stead.Conflict, "stead's own objects are not on the platform of connection %q", k.key).
					WithHint("apply the connection with bootstrap, or run its script")}
			}
		case push.ObjectEdit, push.Release:
			_, already := k.held[step.Source]
			if manually && step.Source != 0 && !already {
				more[step.Source] = held{kind: manual, reason: "its objects wait to be applied: " + step.Why, path: pathOf(plan.Next, step.Source)}
			}
			stuck = stuck || manually
		}
	}
	for i := range plan.Problems {
		p := &plan.Problems[i]
		if !p.Blocking {
			continue
		}
		if p.Source == 0 {
			return nil, stead.Errorf(stead.Conflict, "%s", p.Message).WithHint("%s", p.Hint)
		}
		if _, already := k.held[p.Source]; !already {
			more[p.Source] = held{kind: blocked, reason: p.Message, path: pathOf(plan.Next, p.Source)}
		}
	}
	if stuck && len(more) == 0 {
		return nil, &pendingError{stead.Errorf(stead.Conflict, "edits of objects of connection %q wait to be applied", k.key).
			WithHint("apply the connection, or run its script")}
	}
	return more, nil
}

// problems are those of the plan and of the state.
func problems(plan *push.Plan, next *push.State) []push.Problem {
	out := slices.Clone(plan.Problems)
	for _, p := range next.Problems {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

func pathOf(s *push.State, id stead.SourceID) []string {
	if src := s.Sources[id]; src != nil {
		return src.Path
	}
	return nil
}

func (k *connection) plan(ctx context.Context, target *push.State) (*push.Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, k.opt.Timeout)
	defer cancel()
	p := k.platform
	since := k.since
	return bounded(ctx, k.opt.Grace, func(ctx context.Context) (*push.Plan, error) { return p.Plan(ctx, target, since) })
}

// fault lets go of a platform that failed, so that the next attempt finds the way to it anew.
func (k *connection) fault(err error) error {
	switch {
	case errors.Is(err, errAbandoned):
		k.abandon()
	case stead.CodeOf(err) != stead.Conflict:
		k.drop()
	}
	return err
}
