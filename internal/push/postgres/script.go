package postgres

import (
	"fmt"
	"slices"
	"strings"

	"stead/internal/push"
)

// Script implements push.Platform.
func (p *Platform) Script(plan *push.Plan) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("-- stead: connection %s, to revision %d", comment(plan.Connection), plan.To)
	line("-- run it with psql -v ON_ERROR_STOP=1 as a superuser, or as the owner of the tables with CREATEROLE and CREATE on the database")
	for _, x := range plan.Problems {
		line("-- problem: %s: %s (%s)", comment(x.Object), comment(x.Message), comment(x.Hint))
	}
	line("SET search_path = pg_catalog, pg_temp;\nSET standard_conforming_strings = on;\nSET lock_timeout = '500ms';")
	for i, s := range append(slices.Clone(plan.Steps), plan.ByHand...) {
		line("\n-- %d. %s %s: %s", i+1, s.Kind, comment(s.Object), comment(s.Why))
		switch s.Kind {
		case push.RowEdit:
			for _, e := range s.Edits {
				line("-- stead puts %d and deletes %d rows of %s itself", len(e.Put), len(e.Delete), e.Table)
			}
			continue
		case push.KeyEdit:
			line("-- stead writes %d keys itself: they are in no script", len(s.Keys))
			continue
		}
		line("BEGIN;")
		for _, q := range s.SQL {
			line("%s;", q)
		}
		for _, e := range s.Edits {
			line("-- stead puts %d and deletes %d rows of %s itself", len(e.Put), len(e.Delete), e.Table)
		}
		line("COMMIT;")
	}
	return b.String()
}
