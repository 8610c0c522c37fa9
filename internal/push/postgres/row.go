package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/push"
	"stead/internal/push/postgres/server"
)

// field is one column of a profile table.
type field struct {
	name, typ string
	empty     bool // "" stands for NULL
	key       bool
}

// fields are the columns of the profile tables, in the order of push.Row.
var fields = map[push.Table][]field{
	push.Identities: {{"id", "bigint", false, true}, {"iam", "text", false, false}, {"name", "text", false, false}, {"serves", "boolean", false, false},
		{"impersonable", "boolean", false, false}, {"limited", "boolean", false, false}, {"key", "text", false, false}},
	push.Logins: {{"role", "text", false, true}, {"identity", "bigint", true, false}, {"own", "boolean", false, false}, {"pinned", "boolean", false, false},
		{"exempt", "boolean", false, false}},
	push.StandIns: {{"actor", "bigint", false, true}, {"subject", "text", false, true}},
	push.Values:   {{"identity", "bigint", false, true}, {"kind", "text", false, true}, {"key", "text", false, true}, {"value", "text", false, true}},
	push.Facts:    {{"condition", "text", false, true}, {"identity", "bigint", false, true}},
	push.Members:  {{"audience", "text", false, true}, {"identity", "bigint", false, true}, {"access", `"char"`, false, true}},
	push.Scopes:   {{"identity", "bigint", false, true}, {"source", "bigint", false, true}},
	push.Slots: {{"source", "bigint", false, true}, {"slot", "int", false, true}, {"kind", "text", false, false}, {"key", "text", false, false},
		{"given", "boolean", false, false}, {"placeholder", "text", false, false}},
	push.Served:   {{"source", "bigint", false, true}, {"audience", "text", false, false}, {"serves", "boolean", false, false}},
	push.Switches: {{"name", "text", false, true}},
}

func profile(t push.Table) string { return "immuta_system." + ident(string(t)) }

// putSQL and deleteSQL take one array of texts for each column.
func putSQL(t push.Table) string {
	var into, from []string
	for i, c := range fields[t] {
		x := fmt.Sprintf("a.c%d", i+1)
		if c.empty {
			x = "nullif(" + x + ", '')"
		}
		into, from = append(into, ident(c.name)), append(from, x+"::"+c.typ)
	}
	return "INSERT INTO " + profile(t) + " (" + strings.Join(into, ", ") + ") SELECT " + strings.Join(from, ", ") + " FROM " + arrays(t, "a")
}

func deleteSQL(t push.Table) string {
	var where []string
	for i, c := range fields[t] {
		if c.key {
			where = append(where, fmt.Sprintf("t.%s = a.c%d::%s", ident(c.name), i+1, c.typ))
		}
	}
	return "DELETE FROM " + profile(t) + " AS t USING " + arrays(t, "a") + " WHERE " + strings.Join(where, " AND ")
}

func arrays(t push.Table, as string) string {
	var args, names []string
	for i := range fields[t] {
		args, names = append(args, fmt.Sprintf("$%d::text[]", i+1)), append(names, fmt.Sprintf("c%d", i+1))
	}
	return "unnest(" + strings.Join(args, ", ") + ") AS " + as + "(" + strings.Join(names, ", ") + ")"
}

// edit carries row edits out: first everything goes that goes, then what comes.
func edit(ctx context.Context, tx pgx.Tx, edits []push.Edit) error {
	for _, e := range slices.Backward(edits) {
		if err := run(ctx, tx, e.Table, deleteSQL, e.Delete); err != nil {
			return err
		}
	}
	for _, e := range edits {
		if err := run(ctx, tx, e.Table, putSQL, e.Put); err != nil {
			return err
		}
	}
	return nil
}

func run(ctx context.Context, tx pgx.Tx, t push.Table, sql func(push.Table) string, rows []push.Row) error {
	width := len(fields[t])
	if width == 0 && len(rows) > 0 {
		return stead.Errorf(stead.Unsupported, "the profile table %q is not known", t)
	}
	for part := range slices.Chunk(rows, 20000) {
		args := make([]any, width)
		for i := range args {
			texts := make([]string, len(part))
			for j := range part {
				texts[j] = part[j][i]
			}
			args[i] = texts
		}
		if _, err := tx.Exec(ctx, sql(t), args...); err != nil {
			return err
		}
	}
	return nil
}

// readRows reads every profile table.
func readRows(ctx context.Context, tx pgx.Tx) (map[push.Table][]push.Row, error) {
	out := map[push.Table][]push.Row{}
	for _, t := range push.Tables() {
		list := make([]string, len(fields[t]))
		for i, c := range fields[t] {
			x := "t." + ident(c.name)
			if c.typ == "boolean" {
				x = "CASE WHEN " + x + " THEN 't' ELSE 'f' END"
			}
			list[i] = "coalesce(" + x + "::text, '')"
		}
		rows, err := tx.Query(ctx, "SELECT "+strings.Join(list, ", ")+" FROM "+profile(t)+" AS t")
		err = server.Each(rows, err, func(r pgx.Rows) error {
			var row push.Row
			into := make([]any, len(list))
			for i := range into {
				into[i] = &row[i]
			}
			if err := r.Scan(into...); err != nil {
				return err
			}
			out[t] = append(out[t], row)
			return nil
		})
		if err != nil {
			return nil, err
		}
		slices.SortFunc(out[t], push.Row.Compare)
	}
	return out, nil
}

// desired are the rows that the state says, source by source closed where it cannot be served.
func desired(next *push.State, closed map[stead.SourceID]bool) map[push.SetID]*push.Set {
	if len(closed) == 0 {
		return next.Sets
	}
	out := make(map[push.SetID]*push.Set, len(next.Sets))
	for id, set := range next.Sets {
		if id.Table == push.Served {
			set = shutServed(set, closed)
		}
		out[id] = set
	}
	return out
}

func shutServed(set *push.Set, closed map[stead.SourceID]bool) *push.Set {
	if !slices.ContainsFunc(set.Rows, func(r push.Row) bool { return closed[sourceOf(r)] && r[2] != "f" }) {
		return set
	}
	shut := &push.Set{Rows: slices.Clone(set.Rows)}
	for i, r := range shut.Rows {
		if closed[sourceOf(r)] {
			shut.Rows[i][2] = "f"
		}
	}
	return shut
}

// sourceOf is the source that a row of Served or Slots is about.
func sourceOf(r push.Row) stead.SourceID {
	var id int64
	for _, c := range []byte(r[0]) {
		id = id*10 + int64(c-'0')
	}
	return stead.SourceID(id)
}

// gathered are the rows of sets, table by table.
func gathered(sets map[push.SetID]*push.Set) map[push.Table][]push.Row {
	out := map[push.Table][]push.Row{}
	for id, set := range sets {
		out[id.Table] = append(out[id.Table], set.Rows...)
	}
	for t := range out {
		slices.SortFunc(out[t], push.Row.Compare)
		out[t] = slices.Compact(out[t])
	}
	return out
}

// between says how the rows that are there become those that are wanted.
func between(now, next map[push.Table][]push.Row) []push.Edit {
	as := func(rows map[push.Table][]push.Row) map[push.SetID]*push.Set {
		sets := map[push.SetID]*push.Set{}
		for t, list := range rows {
			sets[push.SetID{Table: t}] = &push.Set{Rows: list}
		}
		return sets
	}
	return push.Edits(as(now), as(next))
}

// token names what the database holds when a state is wholly applied: two installations that follow the same world
// give it the same name.
func (p *Platform) token(s *push.State, closed map[stead.SourceID]bool) string {
	h := sha256.New()
	var sum [32]byte
	mix := func(parts ...string) {
		h.Reset()
		for _, part := range parts {
			_ = binary.Write(h, binary.BigEndian, uint32(len(part))) // a hash takes everything
			_, _ = io.WriteString(h, part)
		}
		for i, b := range h.Sum(nil) {
			sum[i] ^= b
		}
	}
	mix("settings", shape, fmt.Sprintf("%+v", s.Settings), s.Connection.Key)
	if s.Held {
		mix("held")
	}
	mix(append([]string{"keys"}, s.Keys...)...)
	for id, src := range s.Sources {
		mix("source", decimal(id), string(src.Digest[:]), strings.Join(src.Path, "\x00"), fmt.Sprint(src.Held, closed[id]))
	}
	for id, set := range s.Sets {
		for _, r := range set.Rows {
			mix(append([]string{"row", string(id.Table)}, r[:]...)...)
		}
	}
	return hex.EncodeToString(sum[:])
}
