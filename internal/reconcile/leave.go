package reconcile

import (
	"context"
	"slices"

	"stead"
	"stead/internal/push"
)

// leave closes the platform of a connection that was deleted, and says so. Objects stay as they are, so that nothing
// opens that was governed.
func (k *connection) leave(ctx context.Context) {
	if k.left {
		return
	}
	if err := k.farewell(ctx); err != nil {
		k.fail(err)
		return
	}
	k.drop()
	k.at, k.built, k.held, k.retry, k.look, k.left = nil, nil, holds{}, nil, nil, true
	k.tell(func(s *Status) {
		*s = Status{Connection: s.Connection, Phase: Off, World: s.World, Applied: s.Applied,
			Error: "the connection was deleted; what was governed on its platform is left closed"}
		s.Since = k.opt.Now()
	})
}

// farewell closes everything that the platform holds of the connection, by rows alone. A platform that was never looked at, or
// has nothing of ours, is left as it is.
func (k *connection) farewell(ctx context.Context) error {
	if k.at == nil || k.built == nil {
		return nil
	}
	if k.platform == nil {
		if err := k.open(ctx, k.at); err != nil {
			return err
		}
	}
	var beside []stead.SourceID // what was to be released when the connection went
	for range rounds {
		state := off(k.built, beside)
		if w, stale := k.current(); stale == nil {
			state.Revision = max(state.Revision, w.Revision())
		}
		plan, err := k.plan(ctx, state)
		if stead.CodeOf(err) == stead.Conflict && k.since != nil {
			k.since = nil
			continue
		}
		if err != nil {
			return k.fault(err)
		}
		if len(plan.Steps) == 0 || plan.From == 0 && plan.Steps[0].Kind == push.Bootstrap {
			return nil
		}
		more, err := natively(plan)
		if err != nil {
			return err
		}
		if len(more) > 0 {
			if slices.Contains(beside, more[0]) { // though it is held
				return untouchable(plan.Steps[0].Object)
			}
			beside = append(beside, more...)
			continue
		}
		_, err = k.apply(ctx, plan)
		if err == nil {
			return nil
		}
		k.since = nil
		if stead.CodeOf(err) != stead.Conflict && !isInterrupted(err) || ctx.Err() != nil {
			return k.fault(err)
		}
	}
	return stead.Errorf(stead.Conflict, "the platform changes while it is being closed").WithHint("it is tried again")
}

// natively are the data sources whose objects a plan edits. Objects of nobody are not edited for a connection that is not
// governed from here any more.
func natively(plan *push.Plan) ([]stead.SourceID, error) {
	var out []stead.SourceID
	for i := range plan.Steps {
		switch s := &plan.Steps[i]; s.Kind {
		case push.RowEdit, push.Terminate, push.RoleEdit, push.KeyEdit:
		case push.ObjectEdit, push.Release:
			if s.Source == 0 {
				return nil, untouchable(s.Object)
			}
			out = append(out, s.Source)
		default:
			return nil, untouchable(s.Object)
		}
	}
	return out, nil
}

func untouchable(object string) error {
	return stead.Errorf(stead.Conflict, "the platform cannot be closed without editing %s", object).
		WithHint("look at it; it is governed from nowhere")
}
