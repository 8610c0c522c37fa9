package postgres

import (
	"fmt"
	"slices"
	"strings"

	"stead"
	"stead/internal/push"
)

// Tables of the setting "move" stand in <schema>_raw, a schema of ours that only their owners may use, and the masking view has
// their name. Row security stays on the table, and nobody governed has a right on it: without the view it shows nothing.

// moves begins the comment of a schema of moved tables; what follows is the schema they come from.
const moves = marker + " moved tables of "

func rawSchema(schema string) string { return fitted(schema, "_raw") }

// home is the schema under which people know what stands in a schema.
func (f *found) home(schema string) string {
	if s := f.schemas[schema]; s != nil && s.owner == ownerRole {
		if from, ok := strings.CutPrefix(s.comment, moves); ok && rawSchema(from) == schema {
			return from
		}
	}
	return schema
}

// settle tells relations and what they read by the schemas under which people know them.
func (f *found) settle() {
	for _, t := range f.relations {
		t.home = f.home(t.schema)
	}
	for _, paths := range f.reads {
		for _, path := range paths {
			path[0] = f.home(path[0])
		}
	}
}

// named is the table that people know by a name: one that was moved away, or what stands there.
func (f *found) named(id stead.SourceID, schema, table string) *relation {
	t := f.byName[name(schema, table)]
	away := f.byName[name(rawSchema(schema), table)]
	if away != nil && away.home == schema && (t == nil || takes(t, id)) {
		return away
	}
	return t
}

// takes reports whether a relation is the masking view that has a moved table's name.
func takes(t *relation, id stead.SourceID) bool {
	return t.kind == "v" && t.owner == ownerRole && ours(t, id)
}

// masking is the view of a source, under the table's own name or beside it.
func (f *found) masking(id stead.SourceID, schema, table string) *relation {
	if t := f.byName[name(schema, table)]; t != nil && takes(t, id) {
		return t
	}
	return f.views[name(governedSchema(schema), table)]
}

// place decides where the table is to stand. One that cannot be moved is governed where it stands, and stays says why.
func (o *object) place(f *found, settings *push.Settings) {
	t := o.relation
	if slices.Contains(settings.Move, dotted(o.source.Path)) {
		o.stays = o.hindered(f)
		o.moved = o.stays == nil
	}
	to := t.home
	if o.moved {
		to = rawSchema(t.home)
	}
	if t.schema != to {
		t.from, t.schema = t.schema, to
	}
}

// unplace is for an object that comes to nothing.
func (t *relation) unplace() {
	if t.from != "" {
		t.schema, t.from = t.from, ""
	}
}

func (o *object) hindered(f *found) *push.Problem {
	t, raw := o.relation, rawSchema(o.relation.home)
	not := func(message, hint string) *push.Problem {
		return &push.Problem{Source: o.source.ID, Object: dotted(o.source.Path), Message: "it is not moved, and governed where it stands: " + message, Hint: hint}
	}
	if !secured(t) {
		return not("it is not a table", "take it out of the setting "+push.SettingMove)
	}
	if t.schema == raw {
		return nil
	}
	if s := f.schemas[raw]; s != nil && f.home(raw) != t.home {
		return not("the schema "+raw+" was not made by stead", "rename it: moved tables stand in a schema of that name")
	}
	if f.byName[name(raw, t.name)] != nil {
		return not(raw+"."+t.name+" was moved there before", "drop or rename it when it is not needed any more")
	}
	if s := f.schemas[t.home]; s != nil && !s.creates {
		return not("the role stead connects as may not create the view under its name", "GRANT CREATE ON SCHEMA "+ident(t.home)+" TO "+role(f.user))
	}
	return nil
}

// shown is the schema in which the masking view stands.
func (o *object) shown() string {
	if o.moved {
		return o.relation.home
	}
	return o.view.schema
}

// moveSQL brings the table to where it is to stand, and a view that has its name out of the way; nobody sees it before the
// transaction ends. Who waits for the table under its name looks the name up again.
func (o *object) moveSQL(f *found, seen bool) []string {
	var list []string
	t := o.relation
	if v := f.masking(o.source.ID, t.home, t.name); v != nil && v.schema == t.home && !seen {
		views := governedSchema(t.home)
		list = append(list, o.viewSchema(f)...)
		if old := f.views[name(views, t.name)]; old != nil && ours(old, o.source.ID) {
			list = append(list, "DROP VIEW "+ident(views, t.name))
		}
		list = append(list, "ALTER VIEW "+ident(t.home, t.name)+" SET SCHEMA "+ident(views))
	}
	if o.moved {
		list = append(list, "DO "+literal("BEGIN "+o.makeSchema(t.schema, strings.TrimPrefix(moves, marker))+useSchema(t.schema, o.owners()...)+" END"))
	}
	if t.from != "" {
		list = append(list, "ALTER TABLE "+ident(t.from, t.name)+" SET SCHEMA "+ident(t.schema))
	}
	return list
}

// takeName gives the view the moved table's name.
func (o *object) takeName() []string {
	if !o.moved || o.view == nil {
		return nil
	}
	return []string{"ALTER VIEW " + ident(o.view.schema, o.view.name) + " SET SCHEMA " + ident(o.relation.home)}
}

// throughView are the rights to write that the masking view of a moved table needs: the view's owner writes the table, and row
// security says who may.
func (o *object) throughView(to string) []grant {
	if !o.moved || !o.writable {
		return nil
	}
	var list []grant
	for _, privilege := range []string{"INSERT", "UPDATE"} {
		for _, c := range o.clear {
			list = append(list, grant{to, privilege, c})
		}
	}
	return append(list, grant{to, "DELETE", ""})
}

// giveWriting grants what throughView says.
func (o *object) giveWriting(on, to string) []string {
	if !o.moved || !o.writable {
		return nil
	}
	what := "DELETE"
	if len(o.clear) > 0 {
		what = fmt.Sprintf("INSERT (%[1]s), UPDATE (%[1]s), DELETE", columns(o.clear))
	}
	return []string{"GRANT " + what + " ON " + on + " TO " + role(to)}
}

// giveBack moves the table of a source that is released to where it was, if nobody took its name.
func (d *draft) giveBack(t *relation, id stead.SourceID) []string {
	if t == nil || t.home == t.schema {
		return nil
	}
	if other := d.f.byName[name(t.home, t.name)]; other != nil && !takes(other, id) {
		return []string{"-- " + comment(t.home+"."+t.name+" is another relation now: the table stays in "+t.schema) + "\nSELECT"}
	}
	return []string{"ALTER TABLE " + ident(t.schema, t.name) + " SET SCHEMA " + ident(t.home)}
}
