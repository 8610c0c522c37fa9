package govern

import (
	"context"
	"errors"

	"stead/internal/store"
)

// Within is Apply, or Plan, with edits that follow from what the store holds: choose reads the very state the edits are made
// on. It may run again when the database asks for it. What it reads is not checked against the caller's rights, the edits are.
func (s *Service) Within(ctx context.Context, c Caller, plan bool, choose func(store.Reader) ([]Edit, error)) (Result, error) {
	var out Result
	revision, err := s.update(ctx, c, func(t *tx) error {
		edits, err := choose(t)
		if err != nil {
			return err
		}
		if out.Outcomes, err = t.all(ctx, edits); err == nil && plan {
			err = errPlanned
		}
		return err
	})
	if err != nil && !errors.Is(err, errPlanned) {
		return Result{}, err
	}
	out.Revision = revision
	return out, nil
}

// all makes the edits in order, until one fails.
func (t *tx) all(ctx context.Context, edits []Edit) ([]Outcome, error) {
	out := make([]Outcome, 0, len(edits))
	for i, e := range edits {
		o, err := e.apply(ctx, t)
		if err != nil {
			return nil, &EditError{Index: i, Err: err}
		}
		out = append(out, o)
	}
	return out, nil
}
