package postgres

import (
	"slices"
	"strings"

	"stead"
	"stead/internal/push"
)

// surround finds what else shows the table's rows: what inherits from it is guarded like it, what reads it is shut.
func (o *object) surround(f *found, settings *push.Settings, at map[string]stead.SourceID) {
	// Data sources look after themselves; not those that are refused for what they show of this one.
	other := func(t *relation, kin bool) bool {
		id, ok := at[name(t.home, t.name)]
		refused := f.bypasses(t, id, at, settings) != "" || kin && id > o.source.ID && !kept(t, settings)
		return ok && id != o.source.ID && !refused || strings.HasPrefix(t.comment, marker) && t.owner == ownerRole || reserved(t.schema)
	}
	o.guarded = []*relation{o.relation}
	for _, oid := range o.relation.children {
		if t := f.relations[oid]; !other(t, true) {
			o.guarded = append(o.guarded, t)
		}
	}
	slices.SortFunc(o.guarded[1:], byName)
	names := map[string]bool{o.relation.name: true}
	for i, oid := range append(slices.Clone(o.relation.dependents), o.relation.parents...) {
		t := f.relations[oid]
		names[t.name] = true
		if t.oid != o.relation.oid && !other(t, i >= len(o.relation.dependents)) && !kept(t, settings) {
			o.shut = append(o.shut, t)
		}
	}
	slices.SortFunc(o.shut, byName)
	for _, t := range o.guarded {
		names[t.name] = true
	}
	for _, d := range f.functions {
		if len(d.grants) > 0 && d.reads(names) && !slices.Contains(settings.KeepDependents, d.schema+"."+d.name) {
			o.calls = append(o.calls, d)
		}
	}
}

func byName(a, b *relation) int {
	return strings.Compare(name(a.schema, a.name), name(b.schema, b.name))
}

func (d definer) reads(names map[string]bool) bool {
	for n := range names {
		if d.mentions(n) {
			return true
		}
	}
	return false
}

// clash finds what is not ours where something of ours is to stand.
func (o *object) clash(f *found) *push.Problem {
	for _, t := range o.guarded {
		for _, l := range t.policies {
			if strings.HasPrefix(l.name, "stead_") && !ourPolicy(l) {
				return blocking(o.source, "the policy "+l.name+" on "+t.schema+"."+t.name+" was not made by stead", "rename or drop it")
			}
		}
		if !t.mine && !f.super {
			return blocking(o.source, t.schema+"."+t.name+" inherits from it and belongs to "+t.owner+", of which the role stead connects as is not a member",
				"GRANT "+role(t.owner)+" TO "+role(f.user))
		}
	}
	if o.view == nil {
		return nil
	}
	if s := f.schemas[o.view.schema]; s != nil && (s.owner != o.names.owner || !strings.HasPrefix(s.comment, marker)) {
		return blocking(o.source, "the schema "+s.name+" was not made by stead", "rename it: stead's masking views stand in a schema of that name")
	}
	if v := f.byName[name(o.view.schema, o.view.name)]; v != nil && !strings.HasPrefix(v.comment, marker) {
		return blocking(o.source, "the object "+v.schema+"."+v.name+" was not made by stead", "rename or drop it")
	}
	return nil
}
