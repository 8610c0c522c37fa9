package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"stead/internal/push"
	"stead/policy/expr"
)

// Keys travel as parameters. A superuser tells the logs to look away; anybody else is refused by most of them, and must not send
// keys that would be written there.

// hush turns off, for the transaction, what logs of statements and parameters we may turn off, and overheard names what then still
// would write parameters down.
func hush(ctx context.Context, tx pgx.Tx) (overheard []string, err error) {
	var names, values []string
	for _, q := range quiet {
		names, values = append(names, q[0]), append(values, q[1])
	}
	_, err = tx.Exec(ctx, `SELECT set_config(q.name, q.value, true) FROM unnest($1::text[], $2::text[]) AS q(name, value)
		JOIN pg_settings s ON s.name = q.name WHERE has_parameter_privilege(q.name, 'SET') OR s.context = 'user'`, names, values)
	if err != nil {
		return nil, err
	}
	// log_transaction_sample_rate was decided upon when the transaction began.
	return strings1(tx.Query(ctx, `SELECT s.name || ' = ' || s.setting FROM pg_settings s WHERE
		(current_setting('log_parameter_max_length') <> '0' AND (
			s.name = 'log_statement' AND s.setting IN ('mod', 'all') OR s.name = 'log_min_duration_statement' AND s.setting <> '-1'
			OR s.name = 'log_min_duration_sample' AND s.setting <> '-1' OR s.name = 'log_transaction_sample_rate' AND s.reset_val::float8 > 0))
		OR (s.name IN ('pgaudit.log_parameter', 'debug_print_parse', 'debug_print_rewritten', 'debug_print_plan') AND s.setting = 'on')
		OR (s.name = 'log_parameter_max_length_on_error' AND s.setting <> '0') OR (s.name = 'auto_explain.log_min_duration' AND s.setting <> '-1') ORDER BY 1`))
}

// listen refuses keys that would be logged: the sources that need them are told and closed.
func (d *draft) listen(ctx context.Context, tx pgx.Tx) (err error) {
	fresh := slices.DeleteFunc(slices.Clone(d.keysPut), func(id string) bool { return !slices.Contains(d.next.Keys, id) })
	if len(fresh) == 0 {
		return nil
	}
	d.overheard, err = hush(ctx, tx)
	if err == nil && len(d.overheard) > 0 {
		d.unsent, d.keysPut = fresh, minus(d.keysPut, fresh)
	}
	return err
}

// unkeyed is why a source cannot be served without the keys that are not sent.
func (d *draft) unkeyed(s *push.Source) *push.Problem {
	if len(d.unsent) == 0 || !needs(s, d.unsent) {
		return nil
	}
	settings := strings.Join(d.overheard, ", ")
	names := make([]string, len(d.overheard))
	for i, text := range d.overheard {
		names[i], _, _ = strings.Cut(text, " ")
	}
	who := "stead's role"
	if d.f != nil && d.f.user != "" {
		who = role(d.f.user)
	}
	hint := "as a superuser: GRANT SET ON PARAMETER log_parameter_max_length, " + strings.Join(names, ", ") + " TO " + who
	return blocking(s, "the key of its hash masks would be written to the server's log ("+settings+")", hint)
}

// needs reports whether a condition or mask of the source looks one of the keys up; a shared one may be any project's.
func needs(s *push.Source, keys []string) bool {
	shared := slices.ContainsFunc(keys, func(id string) bool { return strings.HasPrefix(id, "project/") })
	needed := func(n expr.Node) bool {
		k, ok := n.(expr.Key)
		own, isShared := strings.CutPrefix(k.ID, "shared/")
		return ok && (slices.Contains(keys, k.ID) || isShared && (shared || slices.Contains(keys, "source/"+own)))
	}
	return expr.Any(s.Rows, needed) || slices.ContainsFunc(s.Columns, func(c push.Column) bool { return expr.Any(c.Shown, needed) })
}
