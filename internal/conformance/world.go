package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"stead"
	"stead/internal/bundle"
	"stead/internal/decide"
	"stead/internal/session"
	"stead/policy"
)

// builder makes a world of documents without a store: ids are given in the order of writing.
type builder struct {
	c     *Case
	delta decide.Delta
	next  int64
}

func (b *builder) id() int64 { b.next++; return b.next }

func strict(src []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(src))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// add puts one document into the world.
func (b *builder) add(g bundle.Given) error {
	switch g.Kind {
	case "User", "Agent":
		return b.identity(g)
	case "Group":
		return b.group(g)
	case "Connection":
		var x struct {
			stead.Connection
			Address string `json:"address"`
		}
		err := strict(g.JSON, &x)
		x.ID = stead.ConnectionID(b.id())
		b.delta.Connections = append(b.delta.Connections, &x.Connection)
		return err
	case "DataSource":
		return b.dataSource(g)
	case "Policy":
		p, err := policy.Decode(g.JSON)
		if err != nil {
			return err
		}
		return b.policy(p)
	case "Purpose":
		var x struct {
			Name, Description, Acknowledgement string
			Subpurposes                        []any // acting under a purpose looks at names alone
		}
		err := strict(g.JSON, &x)
		b.delta.Purposes = append(b.delta.Purposes, &stead.Purpose{ID: stead.PurposeID(b.id()), Key: x.Name})
		return err
	case "Project":
		return b.project(g)
	case "Subscription":
		return b.subscription(g)
	case "Setting":
		var x stead.Setting
		err := strict(g.JSON, &x)
		b.delta.Settings = append(b.delta.Settings, x)
		return err
	default:
		return fmt.Errorf("documents of kind %q are not known", g.Kind)
	}
}

// policy replaces one of the same key: a case may change what its file gives.
func (b *builder) policy(p *policy.Policy) error {
	p.ID = b.id()
	for i, old := range b.delta.Policies {
		if old.Key == p.Key {
			p.ID = old.ID
			b.delta.Policies[i] = p
			return nil
		}
	}
	b.delta.Policies = append(b.delta.Policies, p)
	return nil
}

func (b *builder) identity(g bundle.Given) error {
	var x struct {
		stead.Identity
		Impersonates *struct{ Users, Groups []string } `json:"impersonates"`
		Owner        *stead.Principal                  `json:"owner"`
	}
	if err := strict(g.JSON, &x); err != nil {
		return err
	}
	i := &x.Identity
	name, err := session.Canonical(i.Name)
	if err != nil {
		return err
	}
	i.ID, i.Kind, i.Name, i.Owner, i.Impersonates = stead.IdentityID(b.id()), stead.User, name, x.Owner, nil
	if g.Kind == "Agent" {
		i.Kind = stead.Agent
	}
	if i.IAM == "" {
		i.IAM = stead.DefaultIAM
	}
	if x.Impersonates != nil {
		i.Impersonates = &stead.Impersonates{Users: named(stead.UserPrincipal, x.Impersonates.Users), Groups: named(stead.GroupPrincipal, x.Impersonates.Groups)}
	}
	for n, old := range b.delta.Identities {
		if old.Name == i.Name && old.IAM == i.IAM {
			i.ID = old.ID
			b.delta.Identities[n] = i
			return nil
		}
	}
	b.delta.Identities = append(b.delta.Identities, i)
	return nil
}

// named are principals written as "name" or "iam:name".
func named(kind stead.PrincipalKind, names []string) []stead.Principal {
	out := make([]stead.Principal, len(names))
	for i, s := range names {
		out[i] = stead.Principal{Kind: kind, IAM: stead.DefaultIAM, Name: s}
		if iam, name, ok := strings.Cut(s, ":"); ok {
			out[i].IAM, out[i].Name = iam, name
		}
	}
	return out
}

func (b *builder) group(g bundle.Given) error {
	var x stead.Group
	if err := strict(g.JSON, &x); err != nil {
		return err
	}
	x.ID = stead.GroupID(b.id())
	if x.IAM == "" {
		x.IAM = stead.DefaultIAM
	}
	x.Members = completed(x.Members)
	b.delta.Groups = append(b.delta.Groups, &x)
	return nil
}

// completed gives principals what documents may leave out.
func completed(list []stead.Principal) []stead.Principal {
	for i := range list {
		if list[i].IAM == "" {
			list[i].IAM = stead.DefaultIAM
		}
		if list[i].Kind == "" {
			list[i].Kind = stead.UserPrincipal
		}
	}
	return list
}

func object(s string) (stead.Object, error) {
	conn, rest, ok := strings.Cut(s, ":")
	path := strings.Split(rest, ".")
	if !ok || len(path) < 2 {
		return stead.Object{}, fmt.Errorf("%q is not connection:schema.table", s)
	}
	return stead.Object{Connection: conn, Kind: stead.TableObject, Path: path}, nil
}

func (b *builder) project(g bundle.Given) error {
	var x struct {
		ProjectKey, Name, Description string
		Purposes, Datasources         []string
		Owners, Members               []stead.Principal
		AllowMaskedJoins              bool
	}
	if err := strict(g.JSON, &x); err != nil {
		return err
	}
	p := &stead.Project{ID: stead.ProjectID(b.id()), Key: x.ProjectKey, Name: x.Name, Purposes: x.Purposes, MaskedJoins: x.AllowMaskedJoins,
		Owners: completed(x.Owners), Members: completed(x.Members)}
	for _, s := range x.Datasources {
		o, err := object(s)
		if err != nil {
			return err
		}
		p.Sources = append(p.Sources, o)
	}
	b.delta.Projects = append(b.delta.Projects, p)
	return nil
}

func (b *builder) subscription(g bundle.Given) error {
	var x struct {
		Source    string
		Principal stead.Principal
		Access    stead.Access
		State     stead.SubscriptionState
	}
	if err := strict(g.JSON, &x); err != nil {
		return err
	}
	o, err := object(x.Source)
	s := &stead.Subscription{ID: stead.SubscriptionID(b.id()), Source: o, Principal: completed([]stead.Principal{x.Principal})[0], Access: x.Access, State: x.State}
	if s.Access == "" {
		s.Access = stead.ReadAccess
	}
	if s.State == "" {
		s.State = stead.Approved
	}
	b.delta.Subscriptions = append(b.delta.Subscriptions, s)
	return err
}

// finish gives what every case has: the connections of its tables.
func (b *builder) finish() {
	b.delta.Revision = 1
	b.connection(connection)
	for _, t := range b.c.tables {
		b.connection(t.def.Connection)
	}
}

func (b *builder) connection(key string) {
	for _, c := range b.delta.Connections {
		if c.Key == key {
			return
		}
	}
	b.delta.Connections = append(b.delta.Connections, &stead.Connection{ID: stead.ConnectionID(b.id()), Key: key, Platform: stead.Embedded})
}
