package postgres

import (
	"slices"

	"stead"
	"stead/internal/push"
)

func setsOf(s *push.State, t push.Table) map[push.SetID]*push.Set {
	out := map[push.SetID]*push.Set{}
	for id, set := range s.Sets {
		if id.Table == t {
			out[id] = set
		}
	}
	return out
}

func minus(a, b []string) []string {
	var out []string
	for _, x := range a {
		if !slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

// absent says whether the rows of a table have none that begins with a key.
func absent(rows map[push.Table][]push.Row) func(push.Table, string) bool {
	has := map[push.SetID]bool{}
	for _, t := range []push.Table{push.Facts, push.Members} {
		for _, r := range rows[t] {
			has[push.SetID{Table: t, Key: r[0]}] = true
		}
	}
	return func(t push.Table, key string) bool { return !has[push.SetID{Table: t, Key: key}] }
}

// split sorts the row edits: those that go first, those that go with the objects of their source, those that old objects
// still look up and go last. people says that the first ones change what is known about people, so that sources whose objects
// still are the old ones would mix old policies with new people.
func (d *draft) split() (first []push.Edit, own map[stead.SourceID][]push.Edit, last []push.Edit, people bool) {
	own = map[stead.SourceID][]push.Edit{}
	changed := map[stead.SourceID]bool{}
	for _, o := range d.objects {
		changed[o.source.ID] = true
	}
	for _, e := range d.edits {
		mine := push.Edit{Table: e.Table}
		var later push.Edit
		sort := func(rows []push.Row, put bool) (kept []push.Row) {
			for _, r := range rows {
				switch {
				case (e.Table == push.Served || e.Table == push.Slots) && changed[sourceOf(r)]:
					own[sourceOf(r)] = with(own[sourceOf(r)], e.Table, r, put)
					continue
				case e.Table != push.Facts && e.Table != push.Members:
					people = people || (e.Table != push.Served && e.Table != push.Slots)
				case !put && len(changed) > 0 && d.gone(e.Table, r[0]):
					later.Delete = append(later.Delete, r)
					continue
				case put && d.fresh(e.Table, r[0]):
				default:
					people = true
				}
				kept = append(kept, r)
			}
			return kept
		}
		mine.Delete, mine.Put = sort(e.Delete, false), sort(e.Put, true)
		if len(mine.Delete)+len(mine.Put) > 0 {
			first = append(first, mine)
		}
		if len(later.Delete) > 0 {
			last = append(last, push.Edit{Table: e.Table, Delete: later.Delete})
		}
	}
	return first, own, last, people
}

// with adds a row to the edit of its table.
func with(edits []push.Edit, t push.Table, r push.Row, put bool) []push.Edit {
	i := slices.IndexFunc(edits, func(e push.Edit) bool { return e.Table == t })
	if i < 0 {
		edits, i = append(edits, push.Edit{Table: t}), len(edits)
	}
	if put {
		edits[i].Put = append(edits[i].Put, r)
	} else {
		edits[i].Delete = append(edits[i].Delete, r)
	}
	return edits
}

// shutChanged closes the sources whose objects are edited until they are, all or those from which somebody loses rights; their own steps
// open them again.
func (d *draft) shutChanged(own map[stead.SourceID][]push.Edit, all bool) []push.Edit {
	var shut push.Edit
	stands := map[stead.SourceID]push.Row{}
	for _, r := range d.now[push.Served] {
		stands[sourceOf(r)] = r
	}
	for _, o := range d.objects {
		id := o.source.ID
		r, ok := stands[id]
		if !ok || r[2] != "t" || !all && !d.narrows(r) {
			continue
		}
		closed := r
		closed[2] = "f"
		shut.Table, shut.Delete, shut.Put = push.Served, append(shut.Delete, r), append(shut.Put, closed)
		if !slices.ContainsFunc(own[id], func(e push.Edit) bool { return e.Table == push.Served }) {
			own[id] = with(with(own[id], push.Served, closed, false), push.Served, r, true)
		}
	}
	if len(shut.Put) == 0 {
		return nil
	}
	return []push.Edit{shut}
}

// narrows reports whether somebody who reaches a source as it is served now does so no more, or may write no more.
func (d *draft) narrows(now push.Row) bool {
	next := d.next.Sets[push.SetID{Table: push.Served, Key: now[0]}]
	if next == nil || len(next.Rows) != 1 || next.Rows[0][2] != "t" {
		return true
	}
	if next.Rows[0][1] == now[1] {
		return false // its members are edited at once
	}
	stay := map[string]string{}
	if members := d.next.Sets[push.SetID{Table: push.Members, Key: next.Rows[0][1]}]; members != nil {
		for _, m := range members.Rows {
			stay[m[1]] = m[2]
		}
	}
	return slices.ContainsFunc(d.audience(now[1]), func(m push.Row) bool { return stay[m[1]] != m[2] && stay[m[1]] != "w" })
}

// tidy joins the edits of a table and brings them into the order of tables.
func tidy(edits []push.Edit) []push.Edit {
	var out []push.Edit
	for _, t := range push.Tables() {
		sum := push.Edit{Table: t}
		for _, e := range edits {
			if e.Table == t {
				sum.Put, sum.Delete = append(sum.Put, e.Put...), append(sum.Delete, e.Delete...)
			}
		}
		if len(sum.Put)+len(sum.Delete) > 0 {
			out = append(out, sum)
		}
	}
	return out
}

// widens reports whether somebody may see more after the edits; only what can but take away does not.
func widens(edits []push.Edit) bool {
	for _, e := range edits {
		if len(e.Put) > 0 && e.Table != push.Switches && !(e.Table == push.Served && !slices.ContainsFunc(e.Put, func(r push.Row) bool { return r[2] == "t" })) {
			return true
		}
		if len(e.Delete) > 0 && slices.Contains([]push.Table{push.Facts, push.Values, push.Slots, push.Switches}, e.Table) {
			return true
		}
	}
	return false
}
