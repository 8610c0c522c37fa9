package govern

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"stead"
	"stead/internal/session"
	"stead/internal/store"
	"stead/policy/expr"
)

func TestABatchIsWholeOrNothing(t *testing.T) {
	w := newWorld(t)
	before, _ := w.store.Revision(ctx)
	_, err := w.Apply(ctx, w.admin, aUser("ana"), aUser("bob"), aUser("bad\x00name"))
	var at *EditError
	if !errors.As(err, &at) || at.Index != 2 {
		t.Fatalf("%v", err)
	}
	if after, _ := w.store.Revision(ctx); after != before {
		t.Fatal("something stayed")
	}
	plan, err := w.Plan(ctx, w.admin, aUser("ana"), PutGroup{stead.Group{Name: "g", Members: []stead.Principal{userPrincipal("Ana")}}})
	if err != nil || len(plan.Outcomes) != 2 || plan.Outcomes[1].Op != Create {
		t.Fatalf("%+v, %v", plan, err)
	}
	if after, _ := w.store.Revision(ctx); after != before {
		t.Fatal("a plan changed something")
	}
}

func TestTheSameAgainChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	before, _ := w.store.Revision(ctx)
	pending, _ := w.store.PendingRecords(ctx, 1000)
	w.furnish()
	after, _ := w.store.Revision(ctx)
	again, _ := w.store.PendingRecords(ctx, 1000)
	if before != after || len(pending) != len(again) {
		t.Fatalf("revision %d became %d, %d records became %d", before, after, len(pending), len(again))
	}
}

func TestEveryChangeHasItsRecord(t *testing.T) {
	w := newWorld(t)
	r := w.must(aUser("ana", stead.AuditPermission))
	pending, err := w.store.PendingRecords(ctx, 1000)
	if err != nil {
		t.Fatal(err)
	}
	last := pending[len(pending)-1].Record
	if last.Operation != "create" || last.ObjectKind != "identity" || last.ObjectKey != "ana" || last.Revision != r.Revision || last.Actor.Name != "admin" ||
		!strings.Contains(last.Details, "AUDIT") {
		t.Errorf("%+v", last)
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	w := newWorld(t)
	w.refused(stead.Conflict, "last administrator", DeleteIdentity{Name: "admin"})
	w.refused(stead.Conflict, "last administrator", DisableIdentity{Name: "ADMIN", Disabled: true})
	w.refused(stead.Conflict, "last administrator", aUser("admin", stead.UserAdmin))
	w.must(aUser("second", stead.ApplicationAdmin), aUser("third", stead.UserAdmin))
	w.must(DisableIdentity{Name: "admin", Disabled: true})
}

func TestIdentities(t *testing.T) {
	w := newWorld(t)
	put := func(change func(*stead.Identity)) PutIdentity {
		i := stead.Identity{Kind: stead.User, Name: "x"}
		change(&i)
		return PutIdentity{i}
	}
	for text, e := range map[string]Edit{
		"is empty":             put(func(i *stead.Identity) { i.Name = "" }),
		"control":              put(func(i *stead.Identity) { i.Name = "a\x00b" }),
		"IAM":                  put(func(i *stead.Identity) { i.IAM = "a b" }),
		`"user" or an "agent"`: put(func(i *stead.Identity) { i.Kind = "" }),
		`"ROOT" is not known`:  put(func(i *stead.Identity) { i.Permissions = []stead.Permission{"ROOT"} }),
		"holds NUL":            put(func(i *stead.Identity) { i.Attributes = stead.Attributes{"a": {"x\x00"}} }),
		"only an agent":        put(func(i *stead.Identity) { p := userPrincipal("admin"); i.Owner = &p }),
		"platform \"moon\"":    put(func(i *stead.Identity) { i.External = map[stead.Platform]string{"moon": "x"} }),
		"impersonates.users": put(func(i *stead.Identity) {
			i.Impersonates = &stead.Impersonates{Users: []stead.Principal{groupPrincipal("g")}}
		}),
	} {
		w.refused(stead.Invalid, text, e)
	}
	w.refused(stead.NotFound, "zoe", put(func(i *stead.Identity) {
		i.Impersonates = &stead.Impersonates{Users: []stead.Principal{userPrincipal("zoe")}}
	}))
	w.refused(stead.NotFound, "project", put(func(i *stead.Identity) { i.Project = "nope" }))
	quotes := stead.Attributes{"a": {"O'Neil", "two\nlines", `"`, "O'Neil"}}
	w.must(put(func(i *stead.Identity) { i.Name, i.Attributes = "Stra\u00dfe", quotes }))
	row, err := w.Get(ctx, w.admin, store.Identities, store.IdentityKey("bim", "strasse"))
	if err != nil {
		t.Fatal(err)
	}
	i, _ := store.Decode[stead.Identity](row)
	if len(i.Attributes["a"]) != 3 || i.ID == 0 {
		t.Errorf("%+v", i)
	}
	w.refused(stead.Conflict, "cannot become", PutIdentity{stead.Identity{Kind: stead.Agent, Name: "STRASSE"}})
}

func TestGroupCycles(t *testing.T) {
	w := newWorld(t)
	g := func(name string, members ...string) PutGroup {
		out := stead.Group{Name: name}
		for _, m := range members {
			out.Members = append(out.Members, groupPrincipal(m))
		}
		return PutGroup{out}
	}
	w.must(g("a"), g("b", "a"), g("c", "b", "All Users"))
	w.refused(stead.Invalid, "member of itself", g("a", "c"))
	w.refused(stead.Invalid, "member of itself", g("a", "a"))
	w.refused(stead.NotFound, "nope", g("a", "nope"))
	w.refused(stead.Invalid, "system group", g("all users"))
	w.refused(stead.Invalid, "colon", g("ldap:x"))
}

// TestANameLeavesNothingBehind: whoever gets the name of a deleted user gets none of its rights.
func TestANameLeavesNothingBehind(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	w.must(PutSubscription{stead.Subscription{Source: hr(), Principal: userPrincipal("ana")}},
		PutIdentity{stead.Identity{Kind: stead.User, Name: "bi", Permissions: []stead.Permission{stead.ImpersonateUser},
			Impersonates: &stead.Impersonates{Users: []stead.Principal{userPrincipal("ana")}}}})
	secret, _, err := w.CreateKey(ctx, w.admin, NewKey{Identity: "ana", Name: "k"})
	if err != nil {
		t.Fatal(err)
	}
	w.must(DeleteIdentity{Name: "ana"})
	for _, noun := range []store.Noun{store.Identities, store.Groups, store.Projects, store.Subscriptions, store.Settings, store.DataSources, store.APIKeys, store.Verifiers} {
		err := w.store.View(ctx, func(r store.Reader) error {
			return everyRow(ctx, r, noun, func(row store.Row) error {
				if strings.Contains(string(row.Doc), `"ana"`) || strings.Contains(row.Key, "\x1fana") {
					t.Errorf("%s %q still names ana: %s", noun, row.Key, row.Doc)
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	id, _ := session.ParseKeySecret(secret)
	err = w.store.View(ctx, func(r store.Reader) error { _, err := r.Get(ctx, store.APIKeys, id); return err })
	if !absent(err) {
		t.Errorf("the key is still there: %v", err)
	}
}

func TestSources(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	change := func(change func(*stead.DataSource)) PutSource {
		d := hrSource().Source
		change(&d)
		return PutSource{d}
	}
	for text, e := range map[string]Edit{
		"schema and table": change(func(d *stead.DataSource) { d.Path = []string{"hr"} }),
		"holds a dot":      change(func(d *stead.DataSource) { d.Path = []string{"a.b", "c"} }),
		"must lie below":   change(func(d *stead.DataSource) { d.Location = "../secret.csv" }),
		"is there twice":   change(func(d *stead.DataSource) { d.Columns = []stead.Column{{Name: "A"}, {Name: "a"}} }),
		"are missing":      change(func(d *stead.DataSource) { d.Columns = nil }),
		"empty part":       change(func(d *stead.DataSource) { d.Tags = []stead.Tag{"PII..SSN"} }),
		"state":            change(func(d *stead.DataSource) { d.State = "odd" }),
		"column \"nope\"":  PutTags{Object: hr(), Columns: map[string][]stead.Tag{"nope": nil}},
		"relative":         change(func(d *stead.DataSource) { d.Location = "https://x/y.csv" }),
	} {
		w.refused(stead.Invalid, text, e)
	}
	w.refused(stead.Conflict, "letter case", change(func(d *stead.DataSource) { d.Path = []string{"demo", "HR"} }))
	w.refused(stead.NotFound, "nope", change(func(d *stead.DataSource) { d.Connection = "nope" }))
	w.refused(stead.Conflict, "still has data sources", DeleteConnection{"wh"})
	w.refused(stead.Unsupported, "not offered", PutConnection{stead.Connection{Key: "k", Platform: stead.Snowflake, Address: "a"}})
	w.must(DeleteSource{hr()})
	rows, err := w.List(ctx, w.admin, store.Subscriptions, 0, 0)
	if err != nil || len(rows) != 0 {
		t.Errorf("%d subscriptions are left, %v", len(rows), err)
	}
}

// Whoever registers a view learns beforehand that it reads a registered table.
func TestCrawlSaysWhatGoesRound(t *testing.T) {
	source := stead.DataSource{Connection: "pg", Path: []string{"hr", "emp"}}
	found := []Discovered{{Path: []string{"hr", "emp"}}, {Path: []string{"hr", "v"}, Reads: [][]string{{"hr", "other"}, {"hr", "emp"}}},
		{Path: []string{"hr", "w"}, Reads: [][]string{{"hr", "other"}}}, {Path: []string{"hr", "kept"}, Reads: [][]string{{"hr", "emp"}}}}
	c := &stead.Connection{Key: "pg", Settings: map[string]string{"keep_dependents": "hr.kept"}}
	registered := map[string]*stead.DataSource{store.SourceKey(source.Object()): &source}
	for _, f := range compare("pg", found, registered, goesRound(c, found, registered)) {
		said := slices.ContainsFunc(f.Changes, func(c string) bool { return strings.Contains(c, "hr.emp") })
		if said != (f.Source.Path[1] == "v") {
			t.Errorf("%v: %v", f.Source.Path, f.Changes)
		}
	}
}

func TestCrawlAndDrift(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	found := []Discovered{
		{Path: []string{"demo", "hr"}, Location: "hr.parquet", Columns: []stead.Column{{Name: "dept", Type: expr.IntType}, {Name: "ssn", Type: expr.TextType}, {Name: "pay", Type: expr.IntType}}},
		{Path: []string{"demo", "new"}, Columns: []stead.Column{{Name: "a", Type: expr.TextType}}},
	}
	crawl := func() []Finding {
		out, err := w.Crawl(ctx, w.admin, crawlerFunc(func() ([]Discovered, error) { return found, nil }), "wh")
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	out := crawl()
	if len(out) != 2 || out[0].Status != Changed || len(out[0].Changes) != 2 || out[1].Status != Found {
		t.Fatalf("%+v", out)
	}
	if err := w.MarkDrifted(ctx, hr(), "column pay is new"); err != nil {
		t.Fatal(err)
	}
	row, err := w.Get(ctx, w.admin, store.DataSources, store.SourceKey(hr()))
	if err != nil {
		t.Fatal(err)
	}
	if d, _ := store.Decode[stead.DataSource](row); d.State != stead.Drifted || d.Reason == "" {
		t.Fatalf("%+v", d)
	}
	r := w.must(PutSource{out[0].Source})
	if !slices.Contains(r.Outcomes[0].Widens, "is served again") || !slices.Contains(r.Outcomes[0].Widens, "shows a new column pay") {
		t.Errorf("widens %v", r.Outcomes[0].Widens)
	}
	out = crawl()
	if out[0].Status != Same || len(out[0].Source.Columns[1].Tags) != 1 {
		t.Errorf("%+v", out[0])
	}
	found = found[1:]
	if out = crawl(); out[0].Status != Gone {
		t.Errorf("%+v", out[0])
	}
}

func TestSubscriptionRequests(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	d := hrSource().Source
	d.Owners = []stead.Principal{userPrincipal("owner")}
	w.must(PutSource{d}, aUser("bob", stead.Governance))
	bob, owner := w.as("bob"), w.as("owner")
	if _, err := w.Apply(ctx, bob, RequestSubscription{Source: hr()}); err != nil {
		t.Fatal(err)
	}
	nope := hr()
	nope.Path = []string{"demo", "nope"}
	if _, err := w.Apply(ctx, bob, RequestSubscription{Source: nope}); stead.AsError(err) == nil || stead.CodeOf(err) != stead.NotFound {
		t.Errorf("%v", err)
	}
	approve := DecideSubscription{Source: hr(), Principal: userPrincipal("bob"), Approve: true}
	for _, c := range []Caller{bob, w.as("ana"), w.admin} {
		if _, err := w.Apply(ctx, c, approve); stead.AsError(err) == nil || stead.CodeOf(err) != stead.Denied {
			t.Errorf("%s decided: %v", c.Actor.Name, err)
		}
	}
	r, err := w.Apply(ctx, owner, approve)
	if err != nil || len(r.Outcomes[0].Widens) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := w.Apply(ctx, bob, DeleteSubscription{Source: hr(), Principal: userPrincipal("bob")}); err != nil {
		t.Errorf("leaving: %v", err)
	}
	w.must(DeletePolicy{"ask"})
	if _, err := w.Apply(ctx, bob, RequestSubscription{Source: hr()}); err == nil {
		t.Error("a request without an approval policy")
	}
	w.must(aPolicy(t, `{"policyKey":"open","name":"open","type":"subscription","actions":{"type":"anyone"},"circumstances":[{"type":"all"}]}`))
	r, err = w.Apply(ctx, bob, RequestSubscription{Source: hr(), Access: stead.WriteAccess})
	if err != nil || !strings.Contains(string(r.Outcomes[0].After), `"access":"READ","state":"approved"`) {
		t.Fatalf("anyone who asks: %+v, %v", r.Outcomes, err)
	}
	w.must(aPolicy(t, `{"policyKey":"shut","name":"shut","type":"subscription","actions":{"type":"manual"},"circumstances":[{"type":"all"}]}`))
	if _, err := w.Apply(ctx, w.as("owner"), RequestSubscription{Source: hr()}); err == nil {
		t.Error("a manual policy was passed by asking")
	}
}

func TestPoliciesAreCheckedAndBound(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	w.refused(stead.Invalid, "circumstances", aPolicy(t, `{"policyKey":"x","name":"x","type":"data","actions":[{"rules":[{"type":"Row Restriction by Custom Where Clause","config":{"predicate":"dept = 'a'"}}]}]}`))
	r := w.must(aPolicy(t, `{"policyKey":"x","name":"x","type":"data","actions":[{"rules":[{"type":"Row Restriction by Custom Where Clause","config":{"predicate":"nosuch = 'a'"}}]}],"circumstances":[{"type":"all"}]}`))
	if len(r.Outcomes[0].Warnings) == 0 || !strings.Contains(r.Outcomes[0].Warnings[0], "wh:demo.hr") {
		t.Errorf("warnings %v", r.Outcomes[0].Warnings)
	}
	row, err := w.Get(ctx, w.admin, store.Policies, "mask")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := store.DecodePolicy(row); err != nil || p.ID != row.ID || p.At != row.Revision || len(p.Data) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestWhatWidens(t *testing.T) {
	staged := strings.Replace(maskSSN, `"type":"data"`, `"type":"data","staged":true`, 1)
	bi := func(change func(*stead.Identity)) PutIdentity {
		i := stead.Identity{Kind: stead.User, Name: "bi", Permissions: []stead.Permission{stead.ImpersonateUser}, Impersonates: &stead.Impersonates{}}
		change(&i)
		return PutIdentity{i}
	}
	d := hrSource().Source
	cases := map[string]struct {
		first, then Edit
		widens      bool
	}{
		"description":          {aUser("x"), PutIdentity{stead.Identity{Kind: stead.User, Name: "x", Description: "d"}}, false},
		"permission":           {aUser("x"), aUser("x", stead.AuditPermission), true},
		"less permission":      {aUser("x", stead.AuditPermission), aUser("x"), false},
		"attribute":            {aUser("x"), PutIdentity{stead.Identity{Kind: stead.User, Name: "x", Attributes: stead.Attributes{"a": {"b"}}}}, true},
		"enabled":              {DisableIdentity{Name: "ana", Disabled: true}, DisableIdentity{Name: "ana"}, true},
		"disabled":             {DisableIdentity{Name: "ana"}, DisableIdentity{Name: "ana", Disabled: true}, false},
		"stands in for one":    {bi(func(*stead.Identity) {}), bi(func(i *stead.Identity) { i.Impersonates.Users = []stead.Principal{userPrincipal("ana")} }), true},
		"stands in for all":    {bi(func(*stead.Identity) {}), bi(func(i *stead.Identity) { i.Impersonates = nil }), true},
		"stands in for fewer":  {bi(func(i *stead.Identity) { i.Impersonates = nil }), bi(func(*stead.Identity) {}), false},
		"member":               {PutGroup{stead.Group{Name: "g"}}, PutGroup{stead.Group{Name: "g", Members: []stead.Principal{userPrincipal("ana")}}}, true},
		"mask removed":         {nil, DeletePolicy{"mask"}, true},
		"mask staged":          {nil, aPolicy(t, staged), true},
		"mask unstaged":        {aPolicy(t, staged), aPolicy(t, maskSSN), false},
		"exception":            {nil, aPolicy(t, strings.Replace(maskSSN, `"HR"`, `"HR","IT"`, 1)), true},
		"renamed":              {nil, aPolicy(t, strings.Replace(maskSSN, `"name":"mask"`, `"name":"other"`, 1)), false},
		"subscription policy":  {nil, aPolicy(t, strings.Replace(approvalPolicy, `"ask"`, `"ask2"`, 1)), true},
		"second mask":          {nil, aPolicy(t, strings.Replace(maskSSN, `"policyKey":"mask"`, `"policyKey":"m2"`, 1)), true},
		"tag":                  {nil, PutTags{Object: hr(), Tags: []stead.Tag{"A"}}, true},
		"owner":                {nil, PutSource{func() stead.DataSource { o := d; o.Owners = []stead.Principal{userPrincipal("ana")}; return o }()}, true},
		"source description":   {nil, PutSource{func() stead.DataSource { o := d; o.Description = "d"; return o }()}, false},
		"project member":       {nil, PutProject{stead.Project{Key: "apollo", Members: []stead.Principal{userPrincipal("ana"), userPrincipal("owner")}, Sources: []stead.Object{hr()}}}, true},
		"masked joins":         {nil, PutProject{stead.Project{Key: "apollo", Members: []stead.Principal{userPrincipal("ana")}, Sources: []stead.Object{hr()}, MaskedJoins: true}}, true},
		"subscription":         {nil, PutSubscription{stead.Subscription{Source: hr(), Principal: userPrincipal("ana")}}, true},
		"subscription revoked": {nil, DeleteSubscription{Source: hr(), Principal: groupPrincipal("HR")}, false},
		"administrators":       {nil, PutSetting{stead.Setting{Name: stead.ImpersonateAdministrators, Value: "true"}}, true},
		"pinning":              {nil, PutSetting{stead.Setting{Name: stead.GatewaySingleImpersonation, Value: "true"}}, false},
		"no pinning":           {PutSetting{stead.Setting{Name: stead.GatewaySingleImpersonation, Value: "true"}}, PutSetting{stead.Setting{Name: stead.GatewaySingleImpersonation}}, true},
		"impersonator":         {nil, PutSetting{stead.Setting{Name: stead.GatewayImpersonators, Value: "ANA, bob"}}, true},
		"same impersonators":   {PutSetting{stead.Setting{Name: stead.GatewayImpersonators, Value: "ana,bob"}}, PutSetting{stead.Setting{Name: stead.GatewayImpersonators, Value: "Bob"}}, false},
		"switched on again":    {PutConnection{stead.Connection{Key: "wh", Platform: stead.Embedded, Address: "/data", Disabled: true}}, PutConnection{stead.Connection{Key: "wh", Platform: stead.Embedded, Address: "/data"}}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.furnish()
			if c.first != nil {
				w.must(c.first)
			}
			o := w.must(c.then).Outcomes[0]
			if o.Op == None || (len(o.Widens) > 0) != c.widens {
				t.Errorf("%s, widens %q", o.Op, o.Widens)
			}
		})
	}
}

func TestLosingAFactWidensWherePoliciesAskForItsLack(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	out := PutGroup{stead.Group{Name: "HR"}}
	plan, err := w.Plan(ctx, w.admin, out)
	if err != nil || len(plan.Outcomes[0].Widens) != 0 {
		t.Fatalf("%+v, %v", plan, err)
	}
	w.must(aPolicy(t, `{"policyKey":"n","name":"n","type":"subscription","actions":{"type":"entitlements","advanced":"NOT @isInGroups('HR')"},"circumstances":[{"type":"all"}]}`))
	plan, err = w.Plan(ctx, w.admin, out)
	if err != nil || len(plan.Outcomes[0].Widens) != 1 {
		t.Fatalf("%+v, %v", plan, err)
	}
}

func TestSettings(t *testing.T) {
	w := newWorld(t)
	w.refused(stead.Invalid, "not known", PutSetting{stead.Setting{Name: "gateway.nope", Value: "1"}})
	w.refused(stead.Invalid, "true or false", PutSetting{stead.Setting{Name: stead.GatewaySingleImpersonation, Value: "yes"}})
	w.refused(stead.Invalid, "user name", PutSetting{stead.Setting{Name: stead.GatewayImpersonators, Value: "a,,b"}})
	for _, name := range SettingNames() {
		if _, ok := settingOf(name); !ok {
			t.Errorf("%s is listed and unknown", name)
		}
	}
}

func TestProjectsAndKeysBoundToThem(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	ana := w.as("ana")
	if _, err := w.Apply(ctx, ana, SwitchProject{"apollo"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Apply(ctx, w.as("owner"), SwitchProject{"apollo"}); stead.AsError(err) == nil || stead.CodeOf(err) != stead.NotFound {
		t.Errorf("not a member: %v", err)
	}
	_, key, err := w.CreateKey(ctx, ana, NewKey{Identity: "ana", Name: "bound", Project: "apollo"})
	if err != nil {
		t.Fatal(err)
	}
	bound := ana
	bound.Actor.Credential = session.KeyCredential(key.ID)
	if _, _, err := w.CreateKey(ctx, bound, NewKey{Identity: "ana", Name: "free"}); err == nil || stead.CodeOf(err) != stead.Denied {
		t.Errorf("a bound key made a free one: %v", err)
	}
	if err := w.RevokeKey(ctx, ana, "", "ana", "bound"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Keys(ctx, bound, "", "ana"); err == nil || stead.CodeOf(err) != stead.Unauthenticated {
		t.Errorf("a revoked key: %v", err)
	}
	w.must(aUser("owner", stead.CreateProject))
	if _, err := w.Apply(ctx, w.as("owner"), PutProject{stead.Project{Key: "own", Purposes: []string{"Research"}}}); stead.AsError(err) == nil || stead.CodeOf(err) != stead.Denied {
		t.Errorf("an owner gave itself a purpose: %v", err)
	}
	r := w.must(DeleteProject{"apollo"})
	if len(r.Outcomes[0].Widens) != 1 {
		t.Errorf("%+v", r.Outcomes[0].Widens)
	}
}

func TestCredentials(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	past := w.clock.Add(-time.Second)
	if _, _, err := w.CreateKey(ctx, w.admin, NewKey{Identity: "ana", Name: "k", Expires: &past}); err == nil {
		t.Error("a key that has expired")
	}
	if err := w.SetPassword(ctx, w.admin, "", "robot", "correct horse battery"); err == nil || stead.CodeOf(err) != stead.Unsupported {
		t.Errorf("an agent's password: %v", err)
	}
	if err := w.SetPassword(ctx, w.admin, "", "ana", "short"); err == nil || stead.CodeOf(err) != stead.Invalid {
		t.Errorf("a short password: %v", err)
	}
	secret, _, err := w.CreateKey(ctx, w.admin, NewKey{Identity: "ana", Name: "k"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.SetPassword(ctx, w.admin, "", "ana", "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	keys, err := w.Keys(ctx, w.as("ana"), "", "ana")
	if err != nil || len(keys) != 1 || keys[0].Hash != nil {
		t.Fatalf("%+v, %v", keys, err)
	}
	if _, _, err := w.CreateKey(ctx, w.admin, NewKey{Identity: "ana", Name: "k"}); err == nil || stead.CodeOf(err) != stead.Conflict {
		t.Errorf("a second key of one name: %v", err)
	}
	// Promise 13: the secrets are in no record, no change and no document.
	var all bytes.Buffer
	pending, _ := w.store.PendingRecords(ctx, 1000)
	for _, p := range pending {
		all.WriteString(p.Record.Details + p.Record.ObjectKey + p.Record.Reason)
	}
	changes, err := w.store.Changes(ctx, 0, 10000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		all.Write(c.Row.Doc)
	}
	for _, s := range []string{secret, w.key, "correct horse"} {
		if strings.Contains(all.String(), s) {
			t.Error("a secret was written down")
		}
	}
}

func TestAGlanceOnlyWarns(t *testing.T) {
	ended, end := context.WithCancel(ctx)
	end()
	one := []Discovered{{Path: []string{"demo", "people"}}}
	for name, tc := range map[string]struct {
		ctx     context.Context
		crawler Crawler
		found   int
		warning string
	}{
		"a folder":   {ctx, crawlerFunc(func() ([]Discovered, error) { return one, nil }), 1, ""},
		"nothing":    {ctx, crawlerFunc(func() ([]Discovered, error) { return nil, stead.Errorf(stead.Invalid, "no folder") }), 0, "its data cannot be looked at now: no folder"},
		"too slow":   {ended, crawlerFunc(func() ([]Discovered, error) { return nil, ended.Err() }), 0, ""},
		"no crawler": {ctx, nil, 0, ""},
	} {
		if found, warning := Glance(tc.ctx, tc.crawler, stead.Connection{}); len(found) != tc.found || warning != tc.warning {
			t.Errorf("%s: %v, %q", name, found, warning)
		}
	}
}
