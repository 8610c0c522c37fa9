package govern

import (
	"context"
	"strings"
	"testing"
	"time"

	"stead"
	"stead/internal/session"
	"stead/internal/store"
	"stead/internal/store/sqlite"
	"stead/policy"
	"stead/policy/expr"
)

var ctx = context.Background()

// world is a service over a real store, bootstrapped.
type world struct {
	*Service
	t     *testing.T
	store store.Store
	clock time.Time
	admin Caller
	key   string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := sqlite.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := &world{t: t, store: s, clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	w.Service = New(s, func() time.Time { return w.clock })
	if w.key, err = w.Bootstrap(ctx); err != nil || w.key == "" {
		t.Fatalf("bootstrap: %q, %v", w.key, err)
	}
	w.admin = w.as("admin")
	return w
}

// as is a caller who signed in with that name.
func (w *world) as(name string) Caller {
	w.t.Helper()
	var out Caller
	err := w.store.View(ctx, func(r store.Reader) error {
		i, _, err := findIdentity(ctx, r, "", name)
		if err == nil {
			out = Caller{Actor: stead.Actor{Login: name, Identity: i.ID, IAM: i.IAM, Name: i.Name, Kind: i.Kind}}
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) must(edits ...Edit) Result {
	w.t.Helper()
	r, err := w.Apply(ctx, w.admin, edits...)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) refused(code stead.Code, text string, e Edit) {
	w.t.Helper()
	before, _ := w.store.Revision(ctx)
	_, err := w.Apply(ctx, w.admin, e)
	if err == nil || stead.CodeOf(err) != code || !strings.Contains(err.Error(), text) {
		w.t.Fatalf("%T: %v; want %v %q", e, err, code, text)
	}
	if after, _ := w.store.Revision(ctx); after != before {
		w.t.Fatalf("%T was refused and changed something", e)
	}
}

func aUser(name string, perms ...stead.Permission) PutIdentity {
	return PutIdentity{stead.Identity{Kind: stead.User, Name: name, Permissions: perms}}
}

func userPrincipal(name string) stead.Principal {
	return stead.Principal{Kind: stead.UserPrincipal, IAM: stead.DefaultIAM, Name: name}
}

func groupPrincipal(name string) stead.Principal {
	return stead.Principal{Kind: stead.GroupPrincipal, IAM: stead.DefaultIAM, Name: name}
}

func hr() stead.Object {
	return stead.Object{Connection: "wh", Kind: stead.TableObject, Path: []string{"demo", "hr"}}
}

func hrSource() PutSource {
	return PutSource{stead.DataSource{Connection: "wh", Path: []string{"demo", "hr"}, Location: "hr.parquet", Columns: []stead.Column{
		{Name: "dept", Type: expr.TextType}, {Name: "ssn", Type: expr.TextType, Tags: []stead.Tag{"PII.SSN"}}}}}
}

func aPolicy(t *testing.T, doc string) PutPolicy {
	t.Helper()
	p, err := policy.Decode([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return PutPolicy{p}
}

const maskSSN = `{"policyKey":"mask","name":"mask","type":"data","actions":[{"rules":[{"type":"Masking",
	"exceptions":{"operator":"any","groups":["HR"]},
	"config":{"fields":[{"type":"columnTags","columnTag":"PII.SSN"}],"maskingConfig":{"type":"Hash"}}}]}],"circumstances":[{"type":"columnTags","columnTag":"PII"}]}`

const approvalPolicy = `{"policyKey":"ask","name":"ask","type":"subscription","actions":{"type":"approval","approvals":[{"requiredPermission":"OWNER"}]},"circumstances":[{"type":"all"}]}`

// furnish gives the world a connection, a table, a purpose, a project, a group, a user and an agent.
func (w *world) furnish() {
	w.t.Helper()
	w.must(
		aUser("ana"), aUser("owner"),
		PutIdentity{stead.Identity{Kind: stead.Agent, Name: "robot", Owner: &stead.Principal{Kind: stead.UserPrincipal, Name: "owner"}}},
		PutGroup{stead.Group{Name: "HR", Members: []stead.Principal{userPrincipal("ana")}}},
		PutConnection{stead.Connection{Key: "wh", Platform: stead.Embedded, Address: "/data"}},
		hrSource(),
		PutPurpose{stead.Purpose{Key: "Research"}},
		PutProject{stead.Project{Key: "apollo", Members: []stead.Principal{userPrincipal("ana")}, Sources: []stead.Object{hr()}}},
		aPolicy(w.t, maskSSN), aPolicy(w.t, approvalPolicy),
		PutSubscription{stead.Subscription{Source: hr(), Principal: groupPrincipal("HR")}},
		PutSetting{stead.Setting{Name: stead.GatewayImpersonators, Value: "ana"}},
	)
}

func TestBootstrapOnce(t *testing.T) {
	w := newWorld(t)
	if again, err := w.Bootstrap(ctx); err != nil || again != "" {
		t.Fatalf("a second bootstrap gave %q, %v", again, err)
	}
	row, err := w.Get(ctx, w.admin, store.Identities, store.IdentityKey("bim", "admin"))
	if err != nil {
		t.Fatal(err)
	}
	admin, err := store.Decode[stead.Identity](row)
	if err != nil || len(admin.Permissions) != len(stead.Permissions()) {
		t.Fatalf("%+v, %v", admin, err)
	}
	if _, ok := session.ParseKeySecret(w.key); !ok {
		t.Errorf("key %q", w.key)
	}
	pending, err := w.store.PendingRecords(ctx, 10)
	if err != nil || len(pending) != 2 {
		t.Fatalf("%d records, %v", len(pending), err)
	}
}
