package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"stead/internal/push"
	"stead/internal/push/postgres/system"
)

// lookVersion finds out whether rows can be written as our own tables stand, and if not, reads what every version has.
func (d *draft) lookVersion(ctx context.Context, tx pgx.Tx) error {
	if !d.next.Held || !d.f.booted {
		return nil
	}
	var version int
	if err := tx.QueryRow(ctx, `SELECT version FROM immuta_system.meta`).Scan(&version); err != nil || version == system.Version {
		return err
	}
	d.unfit, d.now = true, map[push.Table][]push.Row{}
	for _, t := range []push.Table{push.Identities, push.Switches} {
		key := ident(fields[t][0].name)
		texts, err := strings1(tx.Query(ctx, "SELECT "+key+"::text FROM "+profile(t)+" ORDER BY 1"))
		if err != nil {
			return err
		}
		for _, text := range texts {
			d.now[t] = append(d.now[t], push.Row{text})
		}
	}
	return nil
}

// planUnfit only takes away: who is served no more goes, and nobody is served where the connection is off. The state that it
// leads to is nobody's to go on from.
func (d *draft) planUnfit() *push.Plan {
	d.identity()
	keep := map[string]bool{}
	var off []push.Row
	for id, set := range d.next.Sets {
		for _, r := range set.Rows {
			switch {
			case id.Table == push.Identities && r[3] == "t":
				keep[r[0]] = true
			case id.Table == push.Switches && !slices.Contains(d.now[push.Switches], r):
				off = append(off, r)
			}
		}
	}
	gone := slices.DeleteFunc(slices.Clone(d.now[push.Identities]), func(r push.Row) bool { return keep[r[0]] })
	edits := tidy([]push.Edit{{Table: push.Identities, Delete: gone}, {Table: push.Switches, Put: off}})
	if len(edits) > 0 {
		d.step(push.Step{Kind: push.RowEdit, Object: "profiles", Edits: edits,
			Why: "what is withdrawn; everything else waits until stead's own objects are brought up to date"})
	}
	d.stop()
	next := *d.next
	d.plan.Next = &next
	return d.plan
}
