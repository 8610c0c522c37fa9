package audit

import (
	"context"
	"maps"
	"slices"
	"time"

	"stead"
)

// opens reports whether the record needs an outcome: a query that was let through.
func opens(r *stead.Record) bool { return r.Kind == stead.QueryIntent && r.Status == stead.Success }

// Unclosed lists the intents in [since, until) that have no outcome by now, oldest first: answers that
// are still going on, or whose end nobody saw. A zero until is now. An outcome that a writer never got
// to record, because it was killed, is missing for ever.
func (l *Log) Unclosed(ctx context.Context, since, until time.Time) ([]stead.Record, error) {
	open := map[string]*stead.Record{}
	f := &Filter{From: since, Kinds: []stead.RecordKind{stead.QueryIntent, stead.QueryOutcome}}
	// The clocks of writers differ, and records of one instant are in no order: first all, then the difference.
	closed := map[string]bool{}
	bad, err := l.each(ctx, f, func(e *Entry) error {
		r := e.Record
		switch {
		case r.Kind == stead.QueryOutcome:
			if _, ok := open[r.QueryID]; ok {
				delete(open, r.QueryID)
			} else {
				closed[r.QueryID] = true
			}
		case opens(r) && closed[r.QueryID]:
			delete(closed, r.QueryID)
		case opens(r) && (until.IsZero() || r.Time.Before(until)):
			open[r.QueryID] = r
		}
		return nil
	})
	if err == nil && bad > 0 {
		err = stead.Errorf(stead.Conflict, "%d entries of the audit log cannot be read", bad).WithHint("run stead audit verify")
	}
	return sorted(open), err
}

func sorted(open map[string]*stead.Record) []stead.Record {
	out := make([]stead.Record, 0, len(open))
	for _, id := range slices.Sorted(maps.Keys(open)) {
		out = append(out, *open[id])
	}
	slices.SortStableFunc(out, func(a, b stead.Record) int { return a.Time.Compare(b.Time) })
	return out
}
