package main

import (
	"fmt"
	"time"

	"stead"
	"stead/internal/decide"
	"stead/policy"
	"stead/policy/expr"
)

// installed is a change with so many policies, sources and users. Each source is concerned by four policies, whatever
// their total: who has more policies has more tables.
func installed(policies, sources, users int) (decide.Delta, error) {
	d := decide.Delta{Revision: 1, Connections: []*stead.Connection{{ID: 1, Key: "lake", Platform: stead.Embedded, Address: "lake"}}}
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
		d.Sources = append(d.Sources, wideSource(s, topics))
	}
	for p := range policies {
		x, err := policy.Decode(fmt.Appendf(nil, `{"policyKey":"p%d","name":"Policy %d",%s,"circumstances":[{"type":"tags","tag":"Topic.T%d"}]}`, p, p, kindsOfPolicy[p%4], p/4))
		if err != nil {
			return d, err
		}
		x.ID = int64(p + 1)
		d.Policies = append(d.Policies, x)
	}
	return d, nil
}

var kindsOfPolicy = [4]string{
	`"type":"subscription","actions":{"type":"entitlements","automaticSubscription":true,"shareResponsibility":true,"entitlements":{"operator":"any","groups":["All Users"]}}`,
	`"type":"data","actions":[{"rules":[{"type":"Row Restriction by User Entitlements","config":{"matches":[{"type":"attribute","attribute":"department","tag":"Department"}]}}]}]`,
	`"type":"data","actions":[{"rules":[{"type":"Masking","config":{"fields":[{"type":"columnTags","columnTag":"PII.SSN"}],"maskingConfig":{"type":"Hash"}}}]}]`,
	`"type":"data","actions":[{"rules":[{"type":"Masking","config":{"fields":[{"type":"columnTags","columnTag":"PII.Email"}],"maskingConfig":{"type":"Regex","regex":"^[^@]+","replacement":"*"}},"exceptions":{"attributes":[{"name":"region","value":"US"}]}}]}]`,
}

func wideSource(s, topics int) *stead.DataSource {
	x := &stead.DataSource{ID: stead.SourceID(s + 1), Connection: "lake", Path: []string{"s", fmt.Sprintf("t%d", s)}, Name: fmt.Sprintf("t%d", s),
		State: stead.Active, Tags: []stead.Tag{stead.Tag(fmt.Sprintf("Topic.T%d", s%topics))}}
	for c := range 20 {
		x.Columns = append(x.Columns, stead.Column{Name: fmt.Sprintf("c%d", c), Type: expr.TextType})
	}
	x.Columns[0].Tags, x.Columns[1].Tags, x.Columns[2].Tags = []stead.Tag{"Department"}, []stead.Tag{"PII.SSN"}, []stead.Tag{"PII.Email"}
	return x
}

// asking makes the asker that session would resolve for a user of the world.
func askerOf(w *decide.World, id stead.IdentityID) (*stead.Asker, error) {
	s, ok := w.Subject(id)
	if !ok {
		return nil, fmt.Errorf("there is no identity %d", id)
	}
	return &stead.Asker{Actor: stead.Actor{Identity: id, IAM: s.IAM, Name: s.Name, Login: s.Name}, Subject: s, Basis: stead.ByLogin,
		Connection: "lake", Time: time.Now().UTC(), Revision: w.Revision()}, nil
}

// decisions measures decide in process: the resolution of each table exists, nothing of the asker is cached.
func decisions(rep *report, o options) error {
	type case_ struct {
		policies int
		form     *form
	}
	var cases []case_
	for _, n := range []int{100, 1_000, 10_000} {
		run, err := decider(n)
		if err != nil {
			return err
		}
		cases = append(cases, case_{n, &form{name: fmt.Sprint(n, " policies"), run: run}})
	}
	forms := make([]*form, len(cases))
	for i, c := range cases {
		forms[i] = c.form
	}
	if err := interleave(forms, o.rounds*40, 1); err != nil {
		return err
	}
	base := median(forms[0].took)
	for _, c := range cases {
		each := median(c.form.took) / batch
		ratio := float64(median(c.form.took)) / float64(base)
		f := figure{Part: "decide, in process, uncached", What: c.form.name, Value: us(each), Unit: "us", Ratio: ratio,
			Low: us(quantile(c.form.took, 0.25) / batch), High: us(quantile(c.form.took, 0.75) / batch)}
		rep.against(f, "<= 10 us, within 20 % of 100 policies", us(each) <= 10 && ratio <= 1.2)
	}
	return nil
}

// batch is how many decisions are timed together.
const batch = 100

func decider(policies int) (func() error, error) {
	d, err := installed(policies, policies/4, 1000)
	if err != nil {
		return nil, err
	}
	w := decide.New().With(d)
	var askers []*stead.Asker
	for u := range 64 {
		a, err := askerOf(w, stead.IdentityID(u+1))
		if err != nil {
			return nil, err
		}
		askers = append(askers, a)
	}
	objects := make([]stead.Object, 25)
	for i := range objects {
		objects[i] = d.Sources[i].Object()
	}
	return func() error {
		for i := range batch {
			x := w.Decide(askers[i%len(askers)], objects[i%len(objects)], stead.Read)
			if x.Verdict != stead.Allow || x.Rows.Extent != stead.When {
				return fmt.Errorf("an unexpected decision: %+v", x)
			}
		}
		return nil
	}, nil
}
