package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/push/postgres/server"
)

// lookKeys compares digests of the keys that are there with ours.
func (d *draft) lookKeys(ctx context.Context, tx pgx.Tx) error {
	there := map[string]string{}
	if d.f.booted {
		rows, err := tx.Query(ctx, `SELECT id, encode(sha256(convert_to(key, 'UTF8')), 'hex') FROM immuta_system.hash_key WHERE id <> 'token'`)
		err = server.Each(rows, err, func(r pgx.Rows) error {
			var id, sum string
			if err := r.Scan(&id, &sum); err != nil {
				return err
			}
			there[id] = sum
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, id := range d.next.Keys {
		key, err := d.p.key(ctx, id)
		if err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(key))
		if there[id] != hex.EncodeToString(sum[:]) {
			d.keysPut = append(d.keysPut, id)
		}
		delete(there, id)
	}
	for id := range there {
		d.keysCut = append(d.keysCut, id)
	}
	slices.Sort(d.keysCut)
	return d.listen(ctx, tx)
}

func (p *Platform) key(ctx context.Context, id string) (string, error) {
	if p.cfg.Key == nil {
		return "", stead.Errorf(stead.Internal, "there is no keeper of hash keys")
	}
	key, err := p.cfg.Key(ctx, id)
	if err != nil {
		return "", stead.Errorf(stead.CodeOf(err), "the key %s cannot be had", id).WithCause(err)
	}
	if len(key) != 64 {
		return "", stead.Errorf(stead.Internal, "the key %s is not 64 hexadecimal digits", id)
	}
	return key, nil
}

// quiet are the settings that keep a statement and its parameters out of the server's logs.
var quiet = [][2]string{{"log_statement", "none"}, {"log_min_duration_statement", "-1"}, {"log_min_duration_sample", "-1"},
	{"log_transaction_sample_rate", "0"}, {"log_duration", "off"}, {"log_min_error_statement", "panic"}, {"log_parameter_max_length", "0"},
	{"log_parameter_max_length_on_error", "0"}, {"debug_print_parse", "off"}, {"debug_print_plan", "off"}, {"debug_print_rewritten", "off"},
	{"pgaudit.log", "none"}, {"pgaudit.log_parameter", "off"}, {"auto_explain.log_min_duration", "-1"}, {"pg_stat_statements.track", "none"}}

// putKeys writes keys; they travel as parameters, and what logs there are is told to look away where we may tell it.
func (p *Platform) putKeys(ctx context.Context, tx pgx.Tx, ids, wanted []string) error {
	overheard, err := hush(ctx, tx)
	if err != nil {
		return err
	}
	if len(overheard) > 0 && slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(wanted, id) }) {
		return stead.Errorf(stead.Denied, "hash keys would be written to the server's log (%s)", strings.Join(overheard, ", ")).
			WithHint("let stead's role set log_parameter_max_length, or set it to 0 for that role")
	}
	for _, id := range ids {
		if !slices.Contains(wanted, id) {
			if _, err := tx.Exec(ctx, `DELETE FROM immuta_system.hash_key WHERE id = $1`, id); err != nil {
				return err
			}
			continue
		}
		key, err := p.key(ctx, id)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO immuta_system.hash_key (id, key) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET key = excluded.key`, id, key); err != nil {
			return err
		}
	}
	return nil
}
