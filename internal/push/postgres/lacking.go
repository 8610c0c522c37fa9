package postgres

import (
	"slices"
	"strings"

	"stead/internal/push"
)

// lacking says how what stands for the source differs from what is to stand.
func (o *object) lacking(f *found) []push.Drift {
	rec := f.governed[o.source.ID]
	if rec == nil {
		return append(o.borrowing(), o.drift(push.Missing, "the table is not governed yet", true))
	}
	if rec.relation != o.relation.oid {
		return []push.Drift{o.drift(push.Renewed, "another table stands under the name", true)}
	}
	out := append(o.altered(rec, f), o.borrowing()...)
	for _, t := range o.guarded {
		out = append(out, o.flags(t)...)
		out = append(out, o.foreign(t)...)
	}
	out = append(out, o.grantDrift(o.relation, o.allowed(o.relation))...)
	for _, t := range o.guarded[1:] {
		out = append(out, o.grantDrift(t, nil)...)
	}
	for _, t := range o.shut {
		if len(t.grants) > 0 {
			out = append(out, o.drift(push.Foreign, t.schema+"."+t.name+" reads the table and is open to "+t.grants[0].to, true))
		}
	}
	for _, d := range o.calls {
		out = append(out, o.drift(push.Foreign, "the function "+d.schema+"."+d.name+" runs as "+d.owner+", names the table and is open to "+d.grants[0], true))
	}
	out = append(out, o.sequenceDrift()...)
	return append(out, o.viewDrift(f)...)
}

func (o *object) drift(kind push.DriftKind, what string, open bool) push.Drift {
	return push.Drift{Kind: kind, Source: o.source.ID, Object: dotted(o.source.Path), What: what, Open: open, Repairable: true}
}

// unregistered are columns that the table has and the registration has not. Nobody is shown them.
func (o *object) unregistered() []push.Drift {
	var out []push.Drift
	for _, c := range o.relation.columns {
		if !slices.ContainsFunc(o.source.Columns, func(r push.Column) bool { return r.Name == c.name }) {
			out = append(out, push.Drift{Kind: push.Columns, Source: o.source.ID, Object: dotted(o.source.Path), Note: true,
				What: "column " + c.name + " is not registered: it is shown to nobody before the table is registered anew, or its data source looked at"})
		}
	}
	return out
}

// altered compares what was written down with what is to be and what is.
func (o *object) altered(rec *record, f *found) []push.Drift {
	if rec.part(0) != o.intent || rec.layout != o.layout {
		return []push.Drift{o.drift(push.Altered, "its policies, columns or surroundings are others now", false)}
	}
	var out []push.Drift
	if o.relation.from != "" {
		out = append(out, o.drift(push.Altered, "the table was moved to "+o.relation.from, false))
	}
	if rec.part(1) != rec.native {
		out = append(out, o.drift(push.Altered, "policies of stead's were changed, dropped or are not on all its parts", true))
	}
	if o.view != nil {
		if v := f.masking(o.source.ID, o.relation.home, o.view.name); v != nil && v.body != rec.part(2) {
			out = append(out, o.drift(push.Altered, "the masking view was changed", true))
		}
	}
	return out
}

func (o *object) flags(t *relation) []push.Drift {
	var out []push.Drift
	if secured(t) && !t.rls {
		out = append(out, o.drift(push.Altered, "row security of "+t.schema+"."+t.name+" is off", true))
	}
	if secured(t) && t.force != o.force {
		out = append(out, o.drift(push.Altered, "row security of "+t.schema+"."+t.name+" is not as it was put for its owner", true))
	}
	return out
}

// borrowing are the policies of others for which nothing is shown.
func (o *object) borrowing() []push.Drift {
	var out []push.Drift
	for _, l := range o.relation.policies {
		if l.reads && o.source.Refused == borrowing {
			d := o.drift(push.Foreign, "nothing of it is shown: the policy "+l.name+" reads other tables, and a masking view would read them in stead's name", false)
			d.Repairable = false
			out = append(out, d)
		}
	}
	return out
}

// foreign are permissive policies of others: without ours they would open the table. They are not ours to drop.
func (o *object) foreign(t *relation) []push.Drift {
	var out []push.Drift
	for _, l := range t.policies {
		if l.permissive && !ourPolicy(l) {
			d := o.drift(push.Foreign, "the policy "+l.name+" on "+t.schema+"."+t.name+" is not stead's and lets rows through", true)
			d.Repairable = false
			out = append(out, d)
		}
	}
	return out
}

func (o *object) grantDrift(t *relation, allowed []grant) []push.Drift {
	var out []push.Drift
	for _, g := range t.grants {
		if !slices.Contains(allowed, g) && !slices.Contains(o.exempt, g.to) {
			out = append(out, o.drift(push.Foreign, g.to+" was given "+g.privilege+" on "+t.schema+"."+t.name, true))
			break
		}
	}
	for _, g := range allowed {
		if !slices.Contains(t.grants, g) {
			return append(out, o.drift(push.Missing, g.to+" lacks "+g.privilege+" on "+t.schema+"."+t.name, false))
		}
	}
	return out
}

func (o *object) viewDrift(f *found) []push.Drift {
	v := f.masking(o.source.ID, o.relation.home, o.relation.name)
	switch {
	case o.view == nil && v != nil && strings.HasPrefix(v.comment, marker):
		return []push.Drift{o.drift(push.Altered, "a masking view stands that is not needed", false)}
	case o.view == nil:
		return nil
	case v == nil:
		return []push.Drift{o.drift(push.Missing, "the masking view is gone", false)}
	case !v.barrier || v.owner != o.names.owner:
		return []push.Drift{o.drift(push.Altered, "the masking view has another owner or is no barrier any more", true)}
	}
	if v.schema != o.shown() {
		return []push.Drift{o.drift(push.Altered, "the masking view stands in "+v.schema, false)}
	}
	allowed := []grant{{o.names.governed, "SELECT", ""}}
	if o.layout == inPlace {
		allowed = append(allowed, o.throughView(o.names.governed)...)
	}
	return o.grantDrift(v, allowed)
}

// repairable are the differences that a new plan removes.
func repairable(list []push.Drift) []push.Drift {
	return slices.DeleteFunc(slices.Clone(list), func(d push.Drift) bool { return !d.Repairable })
}
