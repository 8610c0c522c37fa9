package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/push"
)

// Verify implements push.Platform.
func (p *Platform) Verify(ctx context.Context, state *push.State) ([]push.Drift, error) {
	d := &draft{p: p, next: state, closed: map[stead.SourceID]bool{}, plan: &push.Plan{}}
	err := p.look(ctx, func(tx pgx.Tx) (err error) {
		if d.f, err = p.inspect(ctx, tx, wanted{settings: state.Settings, paths: paths(state, nil), all: true}); err != nil || !d.f.booted {
			return err
		}
		if err := d.lookVersion(ctx, tx); err != nil || d.unfit {
			return err
		}
		if d.now, err = readRows(ctx, tx); err != nil {
			return err
		}
		return d.lookKeys(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	if !d.f.booted {
		return []push.Drift{{Kind: push.Missing, Object: "immuta_system", What: "stead's own objects are not there", Repairable: true}}, nil
	}
	if d.unfit {
		return []push.Drift{{Kind: push.Altered, Object: "immuta_system", What: "stead's own objects are of another version, and wait to be applied"}}, nil
	}
	var out []push.Drift
	if d.f.tampered && !state.Held {
		out = append(out, push.Drift{Kind: push.Altered, Object: "immuta_system", Open: true, Repairable: true,
			What: "stead's own functions, tables or event triggers were changed, or somebody was given rights on them"})
	}
	out = append(out, d.members()...)
	for _, id := range slices.Sorted(maps.Keys(state.Sources)) {
		s := state.Sources[id]
		if s.Held {
			continue
		}
		o, problem := d.design(s)
		if problem != nil {
			out = append(out, push.Drift{Kind: push.Columns, Source: id, Object: problem.Object, What: problem.Message})
			d.closed[id] = true
			continue
		}
		out = append(append(out, o.lacking(d.f)...), o.unregistered()...)
	}
	for _, e := range between(d.now, gathered(desired(state, d.closed))) {
		out = append(out, push.Drift{Kind: push.Profiles, Object: profile(e.Table), Repairable: true, Open: true,
			What: "rows of the profile table were changed by somebody else"})
	}
	if len(d.keysPut) > 0 {
		out = append(out, push.Drift{Kind: push.Altered, Object: "immuta_system.hash_key", What: "hash keys are missing or others", Repairable: true})
	}
	return out, nil
}
