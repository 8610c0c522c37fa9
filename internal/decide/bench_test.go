package decide

import (
	"fmt"
	"testing"

	"stead"
	"stead/policy"
	"stead/policy/expr"
)

// large makes a change with so many policies, sources and users. Each source is concerned by about the same number
// of policies whatever their total.
func large(b testing.TB, policies, sources, users int) Delta {
	d := Delta{Revision: 1, Connections: []*stead.Connection{{ID: 1, Key: "lake", Platform: stead.Embedded}}}
	groups := max(1, users/100)
	for g := range groups {
		d.Groups = append(d.Groups, &stead.Group{ID: stead.GroupID(g + 1), IAM: stead.DefaultIAM, Name: fmt.Sprintf("group%d", g)})
	}
	for u := range users {
		i := &stead.Identity{ID: stead.IdentityID(u + 1), Kind: stead.User, IAM: stead.DefaultIAM, Name: fmt.Sprintf("user%d", u),
			Attributes: stead.Attributes{"department": {fmt.Sprintf("d%d", u%50), "Sales"}, "region": {"EU"}}}
		d.Identities = append(d.Identities, i)
		g := d.Groups[u%groups]
		g.Members = append(g.Members, stead.Principal{Kind: stead.UserPrincipal, IAM: stead.DefaultIAM, Name: i.Name})
	}
	topics := max(1, policies/4)
	for s := range sources {
		x := &stead.DataSource{ID: stead.SourceID(s + 1), Connection: "lake", Path: []string{"s", fmt.Sprintf("t%d", s)}, State: stead.Active,
			Tags: []stead.Tag{stead.Tag(fmt.Sprintf("Topic.T%d", s%topics))}}
		for c := range 20 {
			x.Columns = append(x.Columns, stead.Column{Name: fmt.Sprintf("c%d", c), Type: expr.TextType})
		}
		x.Columns[0].Tags = []stead.Tag{"Department"}
		x.Columns[1].Tags = []stead.Tag{"PII.SSN"}
		x.Columns[2].Tags = []stead.Tag{"PII.Email"}
		d.Sources = append(d.Sources, x)
	}
	for p := range policies {
		doc := []string{
			`"type":"subscription","actions":{"type":"entitlements","automaticSubscription":true,"shareResponsibility":true,"entitlements":{"operator":"any","groups":["All Users"]}}`,
			`"type":"data","actions":` + byDepartmentTag,
			`"type":"data","actions":` + hashSSN,
			`"type":"data","actions":` + maskOn(`{"type":"columnTags","columnTag":"PII.Email"}`, `{"type":"Regex","regex":"^[^@]+","replacement":"*"}`, `,"exceptions":{"attributes":[{"name":"region","value":"US"}]}`),
		}[p%4]
		x, err := policy.Decode(fmt.Appendf(nil, `{"policyKey":"p%d","name":"n",%s,"circumstances":[{"type":"tags","tag":"Topic.T%d"}]}`, p, doc, p/4))
		if err != nil {
			b.Fatal(err)
		}
		x.ID = int64(p + 1)
		d.Policies = append(d.Policies, x)
	}
	return d
}

const byDepartmentTag = `[{"rules":[{"type":"Row Restriction by User Entitlements","config":{"matches":[{"type":"attribute","attribute":"department","tag":"Department"}]}}]}]`

// BenchmarkDecide folds the asker in anew each time; resolutions exist. It must be flat in the number of policies.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("policies=%d", n), func(b *testing.B) {
			w := New().With(large(b, n, n/4, 1000))
			objects := make([]stead.Object, 0, n/4)
			for _, s := range w.Sources("lake") {
				objects = append(objects, s.Object())
				w.Resolution(s.Object())
			}
			var askers []*stead.Asker
			for u := range 64 {
				askers = append(askers, asker(b, w, fmt.Sprintf("user%d", u)))
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				d := w.Decide(askers[i%len(askers)], objects[i%min(25, len(objects))], stead.Read)
				if d.Verdict != stead.Allow || d.Rows.Extent != stead.When {
					b.Fatalf("%+v", d)
				}
				i++
			}
		})
	}
}

// BenchmarkLoad is the start of a large installation, without reading its store.
func BenchmarkLoad(b *testing.B) {
	d := large(b, 100_000, 20_000, 50_000)
	for b.Loop() {
		New().With(d)
	}
}

// BenchmarkChange is what small changes cost in a large installation.
func BenchmarkChange(b *testing.B) {
	d := large(b, 100_000, 20_000, 50_000)
	w := New().With(d)
	all := *d.Policies[1]
	all.ID, all.Key, all.Circumstances = 200_000, "all", []policy.Circumstance{{Type: "all"}}
	group := *d.Groups[0]
	group.Members = group.Members[1:]
	for _, c := range []struct {
		name  string
		delta Delta
	}{
		{"identity", Delta{Identities: d.Identities[:1]}}, {"group", Delta{Groups: []*stead.Group{&group}}},
		{"source", Delta{Sources: d.Sources[:1]}}, {"policy", Delta{Policies: d.Policies[:1]}},
		{"policy on every source", Delta{Policies: []*policy.Policy{&all}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.With(c.delta)
			}
		})
	}
}
