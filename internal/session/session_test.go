package session

import (
	"context"
	"errors"
	"testing"
	"time"

	"stead"
)

var ctx = context.Background()

func open(t *testing.T, b *bench, l Login) *Session {
	t.Helper()
	s, err := b.Open(ctx, l, onWh)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

// subjectOf begins a statement and returns its subject, 0 when it is refused.
func subjectOf(s *Session) (stead.IdentityID, error) {
	st, err := s.Begin(ctx)
	if err != nil {
		return 0, err
	}
	return st.Asker.Subject.Identity, nil
}

func wantSubject(t *testing.T, s *Session, want stead.IdentityID) {
	t.Helper()
	got, err := subjectOf(s)
	if got != want {
		t.Fatalf("subject %d, want %d (%v)", got, want, err)
	}
	if want == 0 && err == nil {
		t.Fatal("refused without an error")
	}
}

func TestWhoMayStandInForWhom(t *testing.T) {
	admins := map[string]string{stead.ImpersonateAdministrators: "true"}
	cases := []struct {
		name     string
		actor    stead.IdentityID
		target   string
		settings map[string]string
		change   func(*fakeWorld)
		want     stead.IdentityID
	}{
		{name: "permission", actor: bi, target: "ana@example.com", want: ana},
		{name: "another spelling", actor: bi, target: "BIM:ANA@Example.com", want: 0},
		{name: "another case", actor: bi, target: "bim:ANA@Example.com", want: ana},
		{name: "no permission", actor: ana, target: "bob@example.com"},
		{name: "unknown", actor: bi, target: "zoe"},
		{name: "not a name", actor: bi, target: "a\x00na"},
		{name: "blank", actor: bi, target: " "},
		{name: "administrator", actor: bi, target: "admin"},
		{name: "administrator by setting", actor: bi, target: "admin", settings: admins, want: root},
		{name: "agent", actor: bi, target: "robot"},
		{name: "disabled", actor: bi, target: "ana@example.com", change: func(w *fakeWorld) { w.identities[ana].Disabled = true }},
		{name: "disabled administrator", actor: bi, target: "admin", settings: admins, change: func(w *fakeWorld) { w.identities[root].Disabled = true }},
		{name: "narrowed to a user", actor: robot, target: "ana@example.com", want: ana},
		{name: "outside the user", actor: robot, target: "bob@example.com"},
		{name: "narrowed to a group", actor: lead, target: "bob@example.com", want: bob},
		{name: "outside the group", actor: lead, target: "ana@example.com"},
		{name: "narrowed to nobody", actor: bi, target: "ana@example.com", change: func(w *fakeWorld) { w.identities[bi].Impersonates = &stead.Impersonates{} }},
		{name: "list of the gateway", actor: bob, target: "ana@example.com", settings: map[string]string{stead.GatewayImpersonators: "x, Bob@example.com"}, want: ana},
		{name: "list names another IAM", actor: bob, target: "ana@example.com", settings: map[string]string{stead.GatewayImpersonators: "ldap:bob@example.com"}},
		{name: "list does not lift the rule for administrators", actor: bob, target: "admin", settings: map[string]string{stead.GatewayImpersonators: "bob@example.com"}},
		{name: "oneself without permission", actor: ana, target: "ana@example.com"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench()
			for k, v := range c.settings {
				b.world.settings[k] = v
			}
			if c.change != nil {
				c.change(b.world)
			}
			s := open(t, b, b.login(c.actor))
			err := s.Impersonate(ctx, c.target)
			if (err == nil) != (c.want != 0) {
				t.Fatalf("Impersonate: %v", err)
			}
			wantSubject(t, s, c.want)
			if err != nil {
				if stead.CodeOf(err) != stead.Denied {
					t.Errorf("code %v", stead.CodeOf(err))
				}
				if r := b.log.last(); r.Status != stead.Unauthorized || r.Kind != stead.Impersonate || r.Cause == "" {
					t.Errorf("record %+v", r)
				}
			}
			if err := s.EndImpersonation(ctx); err != nil {
				t.Fatalf("end: %v", err)
			}
			wantSubject(t, s, c.actor)
		})
	}
}

func TestUnknownAndForbiddenNamesGiveOneText(t *testing.T) {
	b := newBench()
	s := open(t, b, b.login(robot))
	text := func(name string) string {
		err := s.Impersonate(ctx, name)
		if err == nil {
			t.Fatalf("%s was accepted", name)
		}
		return err.Error()
	}
	a, z := text("bob@example.com"), text("zob@example.com")
	if a[:30] != z[:30] || len(a) != len(z) {
		t.Errorf("%q and %q differ", a, z)
	}
}

func TestLoginWithoutIdentity(t *testing.T) {
	b := newBench()
	login := Login{Actor: stead.Actor{Login: "CORP-svc", Method: "certificate"}}
	if _, err := b.Open(ctx, login, onWh); stead.CodeOf(err) != stead.Unauthenticated {
		t.Fatalf("open: %v", err)
	}
	b.world.settings[stead.GatewayImpersonators] = "corp-SVC"
	s := open(t, b, login)
	wantSubject(t, s, 0)
	if err := s.Impersonate(ctx, "ana@example.com"); err != nil {
		t.Fatal(err)
	}
	wantSubject(t, s, ana)
	b.world.settings[stead.GatewayImpersonators] = ""
	wantSubject(t, s, 0)
}

func TestListCountsOnlyOnItsEngine(t *testing.T) {
	b := newBench()
	b.world.settings[stead.GatewayImpersonators] = "bob@example.com"
	client := onWh
	client.Engine = "http"
	s, err := b.Open(ctx, b.login(bob), client)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Impersonate(ctx, "ana@example.com"); err == nil {
		t.Error("the gateway's list counted elsewhere")
	}
	client.Engine = "else"
	if _, err := b.Open(ctx, b.login(bob), client); err == nil {
		t.Error("an unknown engine was served")
	}
}

func TestRefusedImpersonationRefusesUntilEnded(t *testing.T) {
	b := newBench()
	s := open(t, b, b.login(bi))
	if err := s.Impersonate(ctx, "ana@example.com"); err != nil {
		t.Fatal(err)
	}
	b.world.identities[bi].Permissions = nil
	wantSubject(t, s, 0)
	b.world.identities[bi].Permissions = []stead.Permission{stead.ImpersonateUser}
	wantSubject(t, s, ana)
	if err := s.Impersonate(ctx, "nobody"); err == nil {
		t.Fatal("accepted")
	}
	for range 3 {
		wantSubject(t, s, 0)
	}
	if err := s.Impersonate(ctx, ""); err != nil {
		t.Fatal(err)
	}
	wantSubject(t, s, bi)
}

func TestANameThatIsGivenAgainIsTheNewUser(t *testing.T) {
	b := newBench()
	s := open(t, b, b.login(bi))
	if err := s.Impersonate(ctx, "ana@example.com"); err != nil {
		t.Fatal(err)
	}
	wantSubject(t, s, ana)
	delete(b.world.identities, ana)
	wantSubject(t, s, 0)
	const again stead.IdentityID = 99
	b.world.identities[again] = user(again, "ana@example.com")
	wantSubject(t, s, again)
	b.world.identities[again].Disabled = true
	wantSubject(t, s, 0)
}

func TestPinnedImpersonation(t *testing.T) {
	b := newBench()
	b.world.settings[stead.GatewaySingleImpersonation] = "true"
	s := open(t, b, b.login(bi))
	if err := s.Impersonate(ctx, "nobody"); err == nil {
		t.Fatal("accepted")
	}
	if err := s.EndImpersonation(ctx); err != nil {
		t.Fatalf("a refused one could not be left: %v", err)
	}
	if err := s.Impersonate(ctx, "nobody"); err == nil {
		t.Fatal("accepted")
	}
	if err := s.Impersonate(ctx, "ana@example.com"); err != nil {
		t.Fatalf("a refused one could not be replaced: %v", err)
	}
	for _, name := range []string{"bob@example.com", "nobody", ""} {
		if err := s.Impersonate(ctx, name); stead.CodeOf(err) != stead.Denied {
			t.Fatalf("%q: %v", name, err)
		}
		wantSubject(t, s, ana)
	}
	if err := s.Impersonate(ctx, "ANA@example.com"); err != nil {
		t.Fatalf("restating: %v", err)
	}
	b.world.identities[bi].Permissions = nil
	wantSubject(t, s, 0)
	if err := s.EndImpersonation(ctx); err == nil {
		t.Fatal("withdrawing the permission unpinned the session")
	}
	wantSubject(t, s, 0)
}

func TestChangeThatCouldNotBeJudgedRefuses(t *testing.T) {
	b := newBench()
	s := open(t, b, b.login(bi))
	if err := s.Impersonate(ctx, "ana@example.com"); err != nil {
		t.Fatal(err)
	}
	b.away = true
	if err := s.Impersonate(ctx, "bob@example.com"); stead.CodeOf(err) != stead.Unavailable {
		t.Fatal(err)
	}
	b.away = false
	wantSubject(t, s, 0)
	if err := s.Impersonate(ctx, "bob@example.com"); err != nil {
		t.Fatal(err)
	}
	wantSubject(t, s, bob)

	s = open(t, b, b.login(bi))
	b.away = true
	if err := s.Impersonate(ctx, "bob@example.com"); err == nil {
		t.Fatal("accepted")
	}
	b.away = false
	wantSubject(t, s, bob)
}

func TestLease(t *testing.T) {
	b := newBench()
	lease := func(change func(*stead.Lease)) Login {
		l := b.login(robot)
		l.Lease = &stead.Lease{ID: 9, Agent: robot, User: bob, Expires: b.now.Add(time.Minute)}
		if change != nil {
			change(l.Lease)
		}
		return l
	}
	s := open(t, b, lease(nil))
	st, err := s.Begin(ctx)
	if err != nil || st.Asker.Basis != stead.ByLease || st.Asker.Subject.Identity != bob || st.Asker.Lease != 9 {
		t.Fatalf("%+v, %v", st, err)
	}
	if err := s.Impersonate(ctx, "ana@example.com"); err == nil {
		t.Fatal("impersonation under a lease")
	}
	wantSubject(t, s, 0)
	if err := s.EndImpersonation(ctx); err != nil {
		t.Fatal(err)
	}
	wantSubject(t, s, bob)
	b.now = b.now.Add(time.Minute)
	wantSubject(t, s, 0)

	for name, change := range map[string]func(*stead.Lease){
		"ended":         func(l *stead.Lease) { l.Ended = true },
		"another agent": func(l *stead.Lease) { l.Agent = bi },
		"unknown user":  func(l *stead.Lease) { l.User = 99 },
		"administrator": func(l *stead.Lease) { l.User = root },
		"an agent":      func(l *stead.Lease) { l.User = robot },
	} {
		t.Run(name, func(t *testing.T) { wantSubject(t, open(t, b, lease(change)), 0) })
	}
}

func TestProject(t *testing.T) {
	apollo := func(b *bench, id stead.IdentityID) { b.world.identities[id].Project = "apollo" }
	cases := []struct {
		name   string
		actor  stead.IdentityID
		as     string
		stored stead.IdentityID
		key    string
		set    *string
		want   string
		refuse bool
	}{
		{name: "none", actor: ana},
		{name: "stored", actor: ana, stored: ana, want: "apollo"},
		{name: "chosen", actor: ana, set: ptr("apollo"), want: "apollo"},
		{name: "chosen none", actor: ana, stored: ana, set: ptr("")},
		{name: "not a member", actor: bob, set: ptr("apollo"), refuse: true},
		{name: "unknown", actor: ana, set: ptr("gemini"), refuse: true},
		{name: "key", actor: ana, key: "apollo", want: "apollo"},
		{name: "key of another's project", actor: bob, key: "apollo", refuse: true},
		{name: "key restated", actor: ana, key: "apollo", set: ptr("apollo"), want: "apollo"},
		{name: "key cannot be left", actor: ana, key: "apollo", set: ptr(""), refuse: true},
		{name: "the subject's applies", actor: bi, as: "ana@example.com", stored: ana, want: "apollo"},
		{name: "the actor's does not", actor: bi, as: "ana@example.com", stored: bi},
		{name: "restated in another's stead", actor: bi, as: "ana@example.com", stored: ana, set: ptr("apollo"), want: "apollo"},
		{name: "chosen in another's stead", actor: bi, as: "ana@example.com", set: ptr("apollo"), refuse: true},
		{name: "left in another's stead", actor: bi, as: "ana@example.com", stored: ana, set: ptr(""), refuse: true},
		{name: "key in another's stead", actor: bi, as: "ana@example.com", key: "apollo", refuse: true},
		{name: "stored though not a member is left to the decision", actor: bob, stored: bob, want: "apollo"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench()
			if c.stored != 0 {
				apollo(b, c.stored)
			}
			l := b.login(c.actor)
			l.Project = c.key
			s := open(t, b, l)
			if c.as != "" {
				_ = s.Impersonate(ctx, c.as) // a refusal shows below
			}
			if c.set != nil {
				if err := s.SetProject(ctx, *c.set); (err != nil) != c.refuse {
					t.Fatalf("SetProject: %v", err)
				}
			}
			st, err := s.Begin(ctx)
			if (err != nil) != c.refuse {
				t.Fatalf("Begin: %v", err)
			}
			if err == nil && st.Asker.Project != c.want {
				t.Errorf("project %q, want %q", st.Asker.Project, c.want)
			}
			if err == nil && c.want != "" && c.stored != bob && (len(st.Asker.Purposes) != 2 || st.Asker.Purposes[0] != "A") {
				t.Errorf("purposes %v", st.Asker.Purposes)
			}
			if err == nil && c.stored == bob && st.Asker.Purposes != nil {
				t.Errorf("purposes %v without membership", st.Asker.Purposes)
			}
		})
	}
}

func ptr(s string) *string { return &s }

func TestOpenAndBeginRefuse(t *testing.T) {
	b := newBench()
	refused := func(name string, l Login, c Client, code stead.Code) {
		t.Helper()
		if _, err := b.Open(ctx, l, c); stead.CodeOf(err) != code {
			t.Errorf("%s: %v", name, err)
		}
		if r := b.log.last(); r.Kind != stead.SignIn || r.Status != stead.Unauthorized {
			t.Errorf("%s: record %+v", name, r)
		}
	}
	refused("zero login", Login{}, onWh, stead.Unauthenticated)
	refused("unknown identity", Login{Actor: stead.Actor{Login: "x", Identity: 77}}, onWh, stead.Unauthenticated)
	refused("unknown connection", b.login(ana), Client{Connection: "nope", Engine: "gateway"}, stead.NotFound)
	refused("no connection", b.login(ana), Client{Engine: "gateway"}, stead.NotFound)
	refused("disabled connection", b.login(ana), Client{Connection: "off", Engine: "gateway"}, stead.Denied)

	s := open(t, b, b.login(ana))
	wantSubject(t, s, ana)
	b.world.identities[ana].Disabled = true
	wantSubject(t, s, 0)
	b.world.identities[ana].Disabled = false
	b.world.connections["wh"].Disabled = true
	wantSubject(t, s, 0)
	b.world.connections["wh"].Disabled = false
	b.live, b.world.revision = errors.New("revoked"), 2
	wantSubject(t, s, 0)
	b.live = nil
	wantSubject(t, s, ana)
	b.live = errors.New("asked again although nothing changed")
	wantSubject(t, s, ana)
	b.away = true
	wantSubject(t, s, 0)
	b.away = false
	delete(b.world.identities, ana)
	wantSubject(t, s, 0)

	soon := b.now.Add(time.Second)
	l := b.login(bob)
	l.Expires = &soon
	s = open(t, b, l)
	b.live = nil
	wantSubject(t, s, bob)
	b.now = soon
	wantSubject(t, s, 0)
}

func TestNoSessionWithoutItsRecord(t *testing.T) {
	b := newBench()
	b.log.failing = true
	if _, err := b.Open(ctx, b.login(ana), onWh); stead.CodeOf(err) != stead.Unavailable {
		t.Fatal(err)
	}
	b.log.failing = false
	s := open(t, b, b.login(bi))
	b.log.failing = true
	if err := s.Impersonate(ctx, "ana@example.com"); stead.CodeOf(err) != stead.Unavailable {
		t.Fatal(err)
	}
	wantSubject(t, s, 0) // still refused: the impersonation has no record
	b.log.failing = false
	wantSubject(t, s, ana)
	if r := b.log.last(); r.Details != "begun: ana@example.com" || r.Actor.Identity != bi || r.Subject.Identity != ana {
		t.Fatalf("record %+v", r)
	}
	b.log.failing = true
	if err := s.EndImpersonation(ctx); err == nil {
		t.Fatal("ended without a record")
	}
	b.log.failing = false
	wantSubject(t, s, 0)
	if err := s.EndImpersonation(ctx); err != nil {
		t.Fatal(err)
	}
	wantSubject(t, s, bi)
}
