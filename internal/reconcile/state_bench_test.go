package reconcile

import (
	"fmt"
	"testing"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
	"stead/internal/push/pushtest"
	"stead/policy"
	"stead/policy/expr"
)

// house is a world of 50 policies: 10 give access by group, the others restrict rows and mask columns by topic.
func house(b *testing.B, sources, identities int) decide.Delta {
	d := decide.Delta{Revision: 1, Connections: []*stead.Connection{{ID: 1, Key: pushtest.Connection, Platform: stead.PostgreSQL}}}
	for g := range 20 {
		d.Groups = append(d.Groups, &stead.Group{ID: stead.GroupID(g + 1), IAM: stead.DefaultIAM, Name: fmt.Sprintf("g%d", g)})
	}
	for u := range identities {
		i := &stead.Identity{ID: stead.IdentityID(u + 1), Kind: stead.User, IAM: stead.DefaultIAM, Name: fmt.Sprintf("u%d", u),
			Attributes: stead.Attributes{"department": {fmt.Sprintf("d%d", u%50), "Sales"}, "region": {"EU"}}}
		d.Identities = append(d.Identities, i)
		for k := range 3 {
			g := d.Groups[(u+7*k)%20]
			g.Members = append(g.Members, stead.Principal{Kind: stead.UserPrincipal, IAM: stead.DefaultIAM, Name: i.Name})
		}
	}
	for s := range sources {
		x := &stead.DataSource{ID: stead.SourceID(s + 1), Connection: pushtest.Connection, Path: []string{"s", fmt.Sprintf("t%d", s)}, State: stead.Active,
			Tags: []stead.Tag{stead.Tag(fmt.Sprintf("T%d", s%10))}}
		for c := range 20 {
			x.Columns = append(x.Columns, stead.Column{Name: fmt.Sprintf("c%d", c), Type: expr.TextType})
		}
		x.Columns[1].Tags = []stead.Tag{"PII"}
		d.Sources = append(d.Sources, x)
	}
	for p := range 50 {
		what := []string{`"type":"subscription","actions":{"type":"entitlements","automaticSubscription":true,"shareResponsibility":true,"entitlements":{"groups":["g%d"]}}`,
			`"type":"data","actions":[{"rules":[{"type":"Row Restriction by User Entitlements","exceptions":{"groups":["g%d"]},"config":{"matches":[{"type":"attribute","attribute":"department","column":"c0"}]}}]}]`,
			`"type":"data","actions":[{"rules":[{"type":"Masking","exceptions":{"groups":["g%d"]},"config":{"fields":[{"type":"columnTags","columnTag":"PII"}],"maskingConfig":{"type":"Hash"}}}]}]`,
			`"type":"data","actions":[{"rules":[{"type":"Masking","exceptions":{"groups":["g%d"]},"config":{"fields":[{"type":"columnName","columnName":"c2"}],"maskingConfig":{"type":"Null"}}}]}]`,
			`"type":"data","actions":[{"rules":[{"type":"Row Restriction by Custom Where Clause","exceptions":{"groups":["g%d"]},"config":{"predicate":"c3 <> 'x'"}}]}]`}[p%5]
		x, err := policy.Decode(fmt.Appendf(nil, `{"policyKey":"p%d","name":"n",%s,"circumstances":[{"type":"tags","tag":"T%d"}]}`, p, fmt.Sprintf(what, p%20), p/5))
		if err != nil {
			b.Fatal(err)
		}
		x.ID = int64(p + 1)
		d.Policies = append(d.Policies, x)
	}
	return d
}

// BenchmarkBuild is a state of 2,000 sources, 1,000 identities and 50 policies: from nothing, and after small changes.
func BenchmarkBuild(b *testing.B) {
	d := house(b, 2000, 1000)
	w := decide.New().With(d)
	build := func(b *testing.B, w *decide.World, before *push.State) *push.State {
		s, err := Build(w, pushtest.Connection, before)
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	first := build(b, w, nil)
	b.Run("from nothing", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			fresh := decide.New().With(d)
			b.StartTimer()
			build(b, fresh, nil)
		}
	})
	one := *d.Identities[7]
	one.Attributes = stead.Attributes{"department": {"Finance"}}
	group := *d.Groups[3]
	group.Members = group.Members[1:]
	rule := *d.Policies[1]
	rule.Staged = true
	table := *d.Sources[3]
	table.Owners = []stead.Principal{{Kind: stead.UserPrincipal, IAM: stead.DefaultIAM, Name: "u1"}}
	for _, c := range []struct {
		name  string
		delta decide.Delta
	}{
		{"attribute", decide.Delta{Revision: 2, Identities: []*stead.Identity{&one}}}, {"group", decide.Delta{Revision: 2, Groups: []*stead.Group{&group}}},
		{"policy", decide.Delta{Revision: 2, Policies: []*policy.Policy{&rule}}}, {"owner", decide.Delta{Revision: 2, Sources: []*stead.DataSource{&table}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				changed := w.With(c.delta)
				b.StartTimer()
				build(b, changed, first)
			}
		})
	}
	b.Run("edits", func(b *testing.B) {
		next := build(b, w.With(decide.Delta{Revision: 2, Identities: []*stead.Identity{&one}}), first)
		for b.Loop() {
			push.Edits(first.Sets, next.Sets)
		}
	})
}
