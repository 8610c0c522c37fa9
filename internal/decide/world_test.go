package decide

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stead"
	"stead/policy"
	"stead/policy/expr"
)

// fixture builds worlds from documents. Ids are given in the order of adding.
type fixture struct {
	t     testing.TB
	delta Delta
	next  int64
}

func newFixture(t testing.TB) *fixture {
	f := &fixture{t: t, delta: Delta{Revision: 1}}
	f.delta.Connections = []*stead.Connection{{ID: 1, Key: "lake", Platform: stead.Embedded, Address: "data"}}
	return f
}

func (f *fixture) id() int64 { f.next++; return f.next }

func (f *fixture) user(name string, attributes stead.Attributes) stead.Principal {
	f.delta.Identities = append(f.delta.Identities, &stead.Identity{ID: stead.IdentityID(f.id()), Kind: stead.User,
		IAM: stead.DefaultIAM, Name: name, Attributes: attributes})
	return stead.Principal{Kind: stead.UserPrincipal, IAM: stead.DefaultIAM, Name: name}
}

func (f *fixture) group(name string, members ...stead.Principal) stead.Principal {
	f.delta.Groups = append(f.delta.Groups, &stead.Group{ID: stead.GroupID(f.id()), IAM: stead.DefaultIAM, Name: name, Members: members})
	return stead.Principal{Kind: stead.GroupPrincipal, IAM: stead.DefaultIAM, Name: name}
}

func (f *fixture) policy(doc string) *policy.Policy {
	f.t.Helper()
	p, err := policy.Decode([]byte(doc))
	if err != nil {
		f.t.Fatalf("%s: %v", doc, err)
	}
	p.ID = f.id()
	f.delta.Policies = append(f.delta.Policies, p)
	return p
}

// data adds a data policy whose circumstances are every source.
func (f *fixture) data(key, actions string) *policy.Policy {
	f.t.Helper()
	return f.policy(fmt.Sprintf(`{"policyKey":%q,"name":"N","type":"data","circumstances":[{"type":"all"}],"actions":%s}`, key, actions))
}

func (f *fixture) access(key, action string) *policy.Policy {
	f.t.Helper()
	return f.policy(fmt.Sprintf(`{"policyKey":%q,"name":"N","type":"subscription","circumstances":[{"type":"all"}],"actions":%s}`, key, action))
}

func (f *fixture) everyone() { f.access("everyone", `{"type":"anyone","automaticSubscription":true}`) }

func (f *fixture) source(name string, owners []stead.Principal, columns ...stead.Column) *stead.DataSource {
	s := &stead.DataSource{ID: stead.SourceID(f.id()), Connection: "lake", Path: []string{"demo", name}, Name: name,
		Columns: columns, Owners: owners, State: stead.Active}
	f.delta.Sources = append(f.delta.Sources, s)
	return s
}

// hr adds the table that most tests ask about.
func (f *fixture) hr(owners ...stead.Principal) *stead.DataSource {
	return f.source("hr", owners,
		stead.Column{Name: "id", Type: expr.IntType},
		stead.Column{Name: "dept", Type: expr.TextType, Tags: []stead.Tag{"Dept"}},
		stead.Column{Name: "ssn", Type: expr.TextType, Tags: []stead.Tag{"PII.SSN"}},
		stead.Column{Name: "name", Type: expr.TextType, Tags: []stead.Tag{"PII"}},
		stead.Column{Name: "salary", Type: expr.IntType, Tags: []stead.Tag{"Money"}},
		stead.Column{Name: "hired", Type: expr.DateType})
}

func (f *fixture) world() *World { return New().With(f.delta) }

var clock = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// asker asks for itself.
func asker(t testing.TB, w *World, name string) *stead.Asker {
	t.Helper()
	i, ok := w.IdentityByName(stead.DefaultIAM, name)
	if !ok {
		t.Fatalf("no identity %q", name)
	}
	s, _ := w.Subject(i.ID)
	return &stead.Asker{Actor: stead.Actor{Login: name, Identity: i.ID, IAM: i.IAM, Name: name, Kind: i.Kind}, Subject: s,
		Basis: stead.ByLogin, Connection: "lake", Time: clock, Revision: w.Revision()}
}

func tableAt(name string) stead.Object {
	return stead.Object{Connection: "lake", Kind: stead.TableObject, Path: []string{"demo", name}}
}

func read(t testing.TB, w *World, name string) stead.Decision {
	t.Helper()
	return w.Decide(asker(t, w, name), tableAt("hr"), stead.Read)
}

// describe is a decision in one line: extent, condition, and what is done to each column that is not clear.
func describe(d stead.Decision) string {
	if d.Verdict != stead.Allow {
		return "denied " + d.Denial.Code.String()
	}
	var b strings.Builder
	b.WriteString([]string{"never", "always", "when "}[d.Rows.Extent])
	if d.Rows.Extent == stead.When {
		b.WriteString(expr.Print(d.Rows.When))
	}
	for _, c := range d.Columns {
		switch c.Access {
		case stead.ColumnMasked:
			fmt.Fprintf(&b, "; %s %s", c.Name, c.Kind)
		case stead.ColumnDenied:
			fmt.Fprintf(&b, "; %s denied", c.Name)
		}
	}
	return b.String()
}

func expect(t testing.TB, d stead.Decision, want string) {
	t.Helper()
	if got := describe(d); got != want {
		t.Errorf("got  %s\nwant %s\nbecause %v", got, want, d.Reasons)
	}
	if d.Verdict == stead.Deny && d.Denial == nil {
		t.Error("a denial without its error")
	}
}

const byDepartment = `[{"rules":[{"type":"Row Restriction by User Entitlements","config":{"matches":[{"type":"attribute","attribute":"department","tag":"Dept"}]}}]}]`

const hashSSN = `[{"rules":[{"type":"Masking","exceptions":{"groups":["cleared"]},"config":{"fields":[{"type":"columnTags","columnTag":"PII.SSN"}],"maskingConfig":{"type":"Hash","length":16}}}]}]`
