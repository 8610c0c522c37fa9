package bundle

import (
	"errors"
	"fmt"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
	"stead/policy"
)

// policy reads a policy with the policy language's own decoder, which knows more than a schema says.
func (r *reader) policy(d *document) error {
	p, err := policy.Decode(d.root.without("kind").json())
	var found policy.Problems
	switch {
	case errors.As(err, &found):
	case err != nil:
		return err
	default:
		found = policy.Validate(p)
	}
	for _, e := range found {
		r.problems = append(r.problems, e.At(d.place(e.Place.Path)))
	}
	if len(found) > 0 {
		return nil
	}
	more, err := r.schemas.check(d)
	if r.problems = append(r.problems, more...); err != nil || len(more) > 0 {
		return err
	}
	i := &item{doc: d, noun: store.Policies, key: p.Key, name: p.Key, mentions: mentioned(p)}
	i.edit = func(l *look) (govern.Edit, error) {
		want := *p
		want.Bundle = l.name
		return govern.PutPolicy{Policy: &want}, nil
	}
	r.add(i)
	return nil
}

// mention is a name in a policy that nobody has to have: a tag or a group.
type mention struct {
	path  string
	tag   stead.Tag
	group string
}

// mentioned lists the tags and groups that a policy names outside its predicates.
func mentioned(p *policy.Policy) []mention {
	var out []mention
	tag := func(path string, t stead.Tag) {
		if t != "" {
			out = append(out, mention{path: path, tag: t})
		}
	}
	who := func(path string, e *policy.Entitlements) {
		if e != nil {
			for i, g := range e.Groups {
				out = append(out, mention{path: index(path+".groups", i), group: g})
			}
		}
	}
	for i, c := range p.Circumstances {
		at := index("circumstances", i)
		tag(at+".tag", c.Tag)
		tag(at+".columnTag", c.ColumnTag)
	}
	if p.Subscription != nil {
		who("actions.entitlements", p.Subscription.Entitlements)
	}
	for i, a := range p.Data {
		for j, rule := range a.Rules {
			at := fmt.Sprintf("actions[%d].rules[%d]", i, j)
			who(at+".exceptions", rule.Exceptions)
			who(at+".inclusions", rule.Inclusions)
			for k, f := range rule.Config.Fields {
				tag(index(at+".config.fields", k)+".columnTag", f.ColumnTag)
			}
			for k, m := range rule.Config.Matches {
				tag(index(at+".config.matches", k)+".tag", m.Tag)
			}
			if c := rule.Config.Column; c != nil && c.Type == "tag" {
				tag(at+".config.column.name", stead.Tag(c.Name))
			}
		}
	}
	return out
}

// known is which tags and groups there will be once the bundle is applied.
type known struct {
	tags   []stead.Tag
	groups map[string]bool
}

// known looks at the store and at the bundle.
func (b *Bundle) known(l *look) (known, error) {
	out := known{groups: map[string]bool{stead.AllIdentities: true, stead.AllUsers: true, stead.AllAgents: true}}
	seen := map[stead.Tag]bool{}
	add := func(tags []stead.Tag) {
		for _, t := range tags {
			if !seen[t] {
				seen[t] = true
				out.tags = append(out.tags, t)
			}
		}
	}
	err := eachRow(l, store.DataSources, func(row store.Row) error {
		s, err := store.Decode[stead.DataSource](row)
		if err != nil {
			return err
		}
		add(s.Tags)
		for _, c := range s.Columns {
			add(c.Tags)
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	err = eachRow(l, store.Groups, func(row store.Row) error {
		g, err := store.Decode[stead.Group](row)
		if err == nil {
			out.groups[g.Fact()] = true
		}
		return err
	})
	for _, i := range b.items {
		if i.source != nil {
			add(i.source.tags)
			for _, tags := range i.source.columnTags {
				add(tags)
			}
		}
		if i.noun == store.Groups {
			out.groups[i.fact] = true
		}
	}
	return out, err
}

// warnings says what a policy names and nobody has.
func (k known) warnings(i *item) []string {
	var out []string
	for _, m := range i.mentions {
		switch {
		case m.group != "" && !k.groups[m.group]:
			out = append(out, fmt.Sprintf("%s: no group is called %q", i.place(m.path), m.group))
		case m.tag != "" && !k.carries(m.tag):
			out = append(out, fmt.Sprintf("%s: nothing carries the tag %s", i.place(m.path), m.tag))
		}
	}
	return out
}

func (k known) carries(root stead.Tag) bool {
	for _, t := range k.tags {
		if t.Under(root) {
			return true
		}
	}
	return false
}

// eachRow reads all rows of a noun.
func eachRow(l *look, noun store.Noun, fn func(store.Row) error) error {
	rows, err := l.r.List(l.ctx, noun, 0, 0)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := fn(row); err != nil {
			return err
		}
	}
	return nil
}
