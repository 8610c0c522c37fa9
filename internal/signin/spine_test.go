package signin_test

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"testing"
	"time"

	"stead"
	"stead/internal/audit"
	"stead/internal/govern"
	"stead/internal/keys/file"
	"stead/internal/session"
	"stead/internal/signin"
	"stead/internal/snapshot"
	"stead/internal/store/sqlite"
	"stead/policy"
	"stead/policy/expr"
)

// spine is the way of a query on its real parts: store, keeper, audit log, snapshot, sign-in, session and govern.
type spine struct {
	t        *testing.T
	govern   *govern.Service
	signin   *signin.Service
	session  *session.Service
	follower *snapshot.Follower
	log      *audit.Log
	admin    govern.Caller
}

func newSpine(t *testing.T, ctx context.Context) *spine {
	t.Helper()
	dir := t.TempDir()
	db, err := sqlite.Open(dir + "/store")
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	keeper, err := file.Open(dir + "/keys")
	check(t, err)
	log, err := audit.Open(ctx, audit.Options{Dir: dir + "/audit", Writer: "test", Keeper: keeper})
	check(t, err)
	t.Cleanup(func() { check(t, log.Close()) })
	s := &spine{t: t, log: log, govern: govern.New(db, time.Now)}
	first, err := s.govern.Bootstrap(ctx)
	check(t, err)
	s.follower, err = snapshot.Start(ctx, db, snapshot.Options{})
	check(t, err)
	s.signin, err = signin.New(ctx, db, keeper, time.Now)
	check(t, err)
	s.session = session.New(session.Config{
		World: func() (session.World, error) {
			w, err := s.follower.World()
			if err != nil {
				return nil, err
			}
			return w, nil
		},
		Log: log, Now: time.Now, Live: s.signin.Live,
	})
	login, err := s.signin.APIKey(ctx, first)
	check(t, err)
	s.admin = govern.Caller{Actor: login.Actor}
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// change applies edits and lets the world follow.
func (s *spine) change(ctx context.Context, edits ...govern.Edit) {
	s.t.Helper()
	_, err := s.govern.Apply(ctx, s.admin, edits...)
	check(s.t, err)
	s.follower.Refresh(ctx)
}

func (s *spine) policy(doc string) govern.Edit {
	s.t.Helper()
	p, err := policy.Decode([]byte(doc))
	check(s.t, err)
	return govern.PutPolicy{Policy: p}
}

func (s *spine) key(ctx context.Context, identity string) string {
	s.t.Helper()
	secret, _, err := s.govern.CreateKey(ctx, s.admin, govern.NewKey{Identity: identity, Name: "test"})
	check(s.t, err)
	s.follower.Refresh(ctx)
	return secret
}

// overSCRAM signs in as a PostgreSQL client does.
func (s *spine) overSCRAM(ctx context.Context, name, secret string) session.Login {
	s.t.Helper()
	p, err := s.signin.SCRAM(ctx, stead.DefaultIAM, name)
	check(s.t, err)
	salted, err := pbkdf2.Key(sha256.New, secret, p.Salt, p.Iterations, 32)
	check(s.t, err)
	key := session.MAC(salted, "Client Key")
	stored := sha256.Sum256(key)
	proof := make([]byte, 32)
	subtle.XORBytes(proof, key, session.MAC(stored[:], "message"))
	_, login, err := p.Verify("message", proof)
	check(s.t, err)
	return login
}

// seen is what the session would be shown of demo.hr: the verdict, the row rule's extent, the kind of mask on ssn.
type seen struct {
	verdict stead.Verdict
	rows    stead.Extent
	mask    string
}

func (s *spine) sees(ctx context.Context, from *session.Session) (seen, error) {
	st, err := from.Begin(ctx)
	if err != nil {
		return seen{}, err
	}
	d := st.Decide(stead.Object{Connection: "wh", Kind: stead.TableObject, Path: []string{"demo", "hr"}}, stead.Read)
	info := session.IntentInfo{Statement: "select ssn from demo.hr", Targets: []session.Target{{Decision: d, Columns: []string{"ssn"}}}}
	if err := st.Intent(ctx, info); err != nil {
		return seen{}, err
	}
	out := seen{verdict: d.Verdict, rows: d.Rows.Extent}
	for _, c := range d.Columns {
		if c.Name == "ssn" {
			out.mask = c.Kind
		}
	}
	return out, st.Outcome(ctx, 1, nil)
}

func TestTheSpine(t *testing.T) {
	ctx := t.Context()
	s := newSpine(t, ctx)
	person := func(name string, perms ...stead.Permission) govern.Edit {
		return govern.PutIdentity{Identity: stead.Identity{Kind: stead.User, Name: name, Permissions: perms}}
	}
	anaPrincipal := stead.Principal{Kind: stead.UserPrincipal, Name: "ana@example.com"}
	s.change(ctx,
		govern.PutIdentity{Identity: stead.Identity{Kind: stead.User, Name: "Ana@Example.com", Attributes: stead.Attributes{"department": {"Finance"}}}},
		person("bob@example.com"), person("bi", stead.ImpersonateUser),
		govern.PutIdentity{Identity: stead.Identity{Kind: stead.Agent, Name: "robot", Permissions: []stead.Permission{stead.ImpersonateUser},
			Impersonates: &stead.Impersonates{Users: []stead.Principal{anaPrincipal}}}},
		govern.PutConnection{Connection: stead.Connection{Key: "wh", Platform: stead.Embedded, Address: "data"}},
		govern.PutSource{Source: stead.DataSource{Connection: "wh", Path: []string{"demo", "hr"}, Columns: []stead.Column{
			{Name: "dept", Type: expr.TextType}, {Name: "ssn", Type: expr.TextType, Tags: []stead.Tag{"PII.SSN"}}}}},
		s.policy(`{"policyKey":"in","name":"in","type":"subscription","actions":{"type":"anyone","automaticSubscription":true},"circumstances":[{"type":"all"}]}`),
		s.policy(`{"policyKey":"rows","name":"rows","type":"data","circumstances":[{"type":"all"}],"actions":[{"rules":[{"type":"Row Restriction by User Entitlements",
			"config":{"matches":[{"type":"attribute","attribute":"department","column":"dept"}]}}]}]}`),
		s.policy(`{"policyKey":"mask","name":"mask","type":"data","circumstances":[{"type":"columnTags","columnTag":"PII"}],"actions":[{"rules":[{"type":"Masking",
			"config":{"fields":[{"type":"columnTags","columnTag":"PII.SSN"}],"maskingConfig":{"type":"Hash"}}}]}]}`),
	)
	client := session.Client{Connection: "wh", Engine: "gateway"}
	ana := seen{stead.Allow, stead.When, "hash"}

	bi, err := s.session.Open(ctx, s.overSCRAM(ctx, "BI", s.key(ctx, "bi")), client)
	check(t, err)
	check(t, bi.Impersonate(ctx, "ANA@example.com"))
	got, err := s.sees(ctx, bi)
	check(t, err)
	if got != ana {
		t.Errorf("in ana's stead: %+v", got)
	}
	check(t, bi.Impersonate(ctx, "bob@example.com"))
	if got, err = s.sees(ctx, bi); err != nil || got.rows != stead.Never {
		t.Errorf("in bob's stead: %+v, %v", got, err)
	}
	if err := bi.Impersonate(ctx, "admin"); err == nil || stead.CodeOf(err) != stead.Denied {
		t.Errorf("in the administrator's stead: %v", err)
	}
	if got, err = s.sees(ctx, bi); err == nil {
		t.Errorf("a refused impersonation was answered: %+v", got)
	}

	robotKey := s.key(ctx, "robot")
	login, err := s.signin.APIKey(ctx, robotKey)
	check(t, err)
	robot, err := s.session.Open(ctx, login, client)
	check(t, err)
	if err := robot.Impersonate(ctx, "bob@example.com"); err == nil {
		t.Error("the agent stood in for a user it was not given")
	}
	check(t, robot.Impersonate(ctx, "ana@example.com"))
	if got, err = s.sees(ctx, robot); err != nil || got != ana {
		t.Errorf("the agent: %+v, %v", got, err)
	}

	// What is withdrawn is gone with the next statement.
	check(t, s.govern.RevokeKey(ctx, s.admin, "", "robot", "test"))
	s.follower.Refresh(ctx)
	if got, err = s.sees(ctx, robot); err == nil || stead.CodeOf(err) != stead.Unauthenticated {
		t.Errorf("a revoked key: %+v, %v", got, err)
	}
	check(t, bi.Impersonate(ctx, "ana@example.com"))
	s.change(ctx, person("bi"))
	if got, err = s.sees(ctx, bi); err == nil || stead.CodeOf(err) != stead.Denied {
		t.Errorf("a withdrawn permission: %+v, %v", got, err)
	}
	s.change(ctx, govern.DisableIdentity{Name: "bi", Disabled: true})
	if got, err = s.sees(ctx, bi); err == nil || stead.CodeOf(err) != stead.Unauthenticated {
		t.Errorf("a disabled identity: %+v, %v", got, err)
	}
	s.bothNames(ctx)
}

// bothNames checks that the log tells who asked and in whose stead.
func (s *spine) bothNames(ctx context.Context) {
	s.t.Helper()
	page, err := s.log.Search(ctx, audit.Filter{}, 1000, "")
	check(s.t, err)
	asked := map[string]bool{}
	refused := 0
	for _, e := range page.Entries {
		r := e.Record
		if r.Kind == stead.QueryIntent && r.Status == stead.Success {
			asked[r.Actor.Name+" for "+r.Subject.Name] = true
		}
		if r.Status == stead.Unauthorized {
			refused++
			if r.Cause == "" {
				s.t.Errorf("a refusal without a cause: %+v", r)
			}
		}
	}
	for _, want := range []string{"bi for ana@example.com", "bi for bob@example.com", "robot for ana@example.com"} {
		if !asked[want] {
			s.t.Errorf("no record of %s in %v", want, asked)
		}
	}
	if refused < 5 {
		s.t.Errorf("%d refusals are recorded", refused)
	}
}
