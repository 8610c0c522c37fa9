package govern

import (
	"context"
	"slices"

	"stead"
	"stead/internal/store"
)

// PutPurpose creates a purpose or replaces it; the dotted name finds it. For GOVERNANCE and PROJECT_MANAGEMENT.
type PutPurpose struct{ Purpose stead.Purpose }

// DeletePurpose deletes a purpose that no project has any more. For GOVERNANCE.
type DeletePurpose struct{ Key string }

func (e PutPurpose) apply(ctx context.Context, t *tx) (Outcome, error) {
	if err := t.need("change purposes", stead.Governance, stead.ProjectManagement); err != nil {
		return Outcome{}, err
	}
	p := e.Purpose
	if err := checkDotted("key", p.Key); err != nil {
		return Outcome{}, err
	}
	for path, text := range map[string]string{"description": p.Description, "acknowledgement": p.Acknowledgement} {
		if err := checkText(path, text, 16384); err != nil {
			return Outcome{}, err
		}
	}
	old, row, err := find[stead.Purpose](ctx, t, store.Purposes, p.Key)
	if err != nil {
		return Outcome{}, err
	}
	if old != nil {
		p.Bundle = old.Bundle
	}
	o, err := put(ctx, t, store.Purposes, row, p.Key, p.Key, &p)
	if err != nil {
		return o, err
	}
	return t.done(ctx, o)
}

func (e DeletePurpose) apply(ctx context.Context, t *tx) (Outcome, error) {
	if err := t.need("delete purposes", stead.Governance); err != nil {
		return Outcome{}, err
	}
	p, row, err := find[stead.Purpose](ctx, t, store.Purposes, e.Key)
	if err == nil && p == nil {
		err = missing(store.Purposes, e.Key)
	}
	if err != nil {
		return Outcome{}, err
	}
	err = every(ctx, t, store.Projects, func(_ store.Row, q *stead.Project) error {
		if !slices.Contains(q.Purposes, p.Key) {
			return nil
		}
		return stead.Errorf(stead.Conflict, "project %q still has purpose %q", q.Key, p.Key).WithHint("take it out of the project first")
	})
	if err != nil {
		return Outcome{}, err
	}
	o, err := remove(ctx, t, store.Purposes, row, p.Key)
	if err != nil {
		return o, err
	}
	return t.done(ctx, o)
}
