package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"stead"
	"stead/internal/decide"
)

// fakeWorld is a mutable world for tests of session alone; the compiled world is tested with it in
// the gateway. Group members are plain identity ids.
var _ World = (*decide.World)(nil)

type fakeWorld struct {
	revision    stead.Revision
	identities  map[stead.IdentityID]*stead.Identity
	groups      map[string][]stead.IdentityID
	projects    map[string]*stead.Project
	connections map[string]*stead.Connection
	settings    map[string]string
	decision    stead.Decision
}

func (w *fakeWorld) Revision() stead.Revision { return w.revision }

func (w *fakeWorld) Identity(id stead.IdentityID) (*stead.Identity, bool) {
	i, ok := w.identities[id]
	return i, ok
}

func (w *fakeWorld) IdentityByName(iam, name string) (*stead.Identity, bool) {
	for _, i := range w.identities {
		if i.IAM == iam && i.Name == name {
			return i, true
		}
	}
	return nil, false
}

func (w *fakeWorld) Subject(id stead.IdentityID) (stead.Subject, bool) {
	i, ok := w.identities[id]
	if !ok {
		return stead.Subject{}, false
	}
	return stead.Subject{Identity: id, IAM: i.IAM, Name: i.Name, Kind: i.Kind, Attributes: i.Attributes}, true
}

func (w *fakeWorld) Project(key string) (*stead.Project, bool) {
	p, ok := w.projects[key]
	return p, ok
}

func (w *fakeWorld) Connection(key string) (*stead.Connection, bool) {
	c, ok := w.connections[key]
	return c, ok
}

func (w *fakeWorld) Setting(name string) string { return w.settings[name] }

func (w *fakeWorld) IsMember(ps []stead.Principal, id stead.IdentityID) bool {
	for _, p := range ps {
		if p.Kind == stead.GroupPrincipal {
			for _, m := range w.groups[p.Name] {
				if m == id {
					return true
				}
			}
		} else if i := w.identities[id]; i != nil && i.IAM == p.IAM && i.Name == p.Name {
			return true
		}
	}
	return false
}

func (w *fakeWorld) Decide(a *stead.Asker, o stead.Object, op stead.Operation) stead.Decision {
	d := w.decision
	d.Object, d.Operation = o, op
	return d
}

func (w *fakeWorld) Visible(*stead.Asker, string) []stead.Decision {
	return []stead.Decision{w.decision}
}

const (
	ana stead.IdentityID = iota + 1
	bob
	bi    // holds IMPERSONATE_USER
	root  // administers stead
	robot // an agent that may stand in for ana
	lead  // may stand in for the group "team", which is bob
)

func user(id stead.IdentityID, name string, perms ...stead.Permission) *stead.Identity {
	return &stead.Identity{ID: id, Kind: stead.User, IAM: stead.DefaultIAM, Name: name, Permissions: perms}
}

func person(name string) stead.Principal {
	return stead.Principal{Kind: stead.UserPrincipal, IAM: stead.DefaultIAM, Name: name}
}

func newWorld() *fakeWorld {
	w := &fakeWorld{
		revision: 1,
		identities: map[stead.IdentityID]*stead.Identity{
			ana: user(ana, "ana@example.com"), bob: user(bob, "bob@example.com"),
			bi:    user(bi, "bi", stead.ImpersonateUser),
			root:  user(root, "admin", stead.ApplicationAdmin, stead.ImpersonateUser),
			robot: user(robot, "robot", stead.ImpersonateUser),
			lead:  user(lead, "lead", stead.ImpersonateUser),
		},
		groups:      map[string][]stead.IdentityID{"team": {bob}},
		projects:    map[string]*stead.Project{"apollo": {Key: "apollo", Members: []stead.Principal{person("ana@example.com")}, Purposes: []string{"Z", "A"}}},
		connections: map[string]*stead.Connection{"wh": {Key: "wh"}, "off": {Key: "off", Disabled: true}},
		settings:    map[string]string{},
	}
	w.identities[robot].Kind = stead.Agent
	w.identities[robot].Impersonates = &stead.Impersonates{Users: []stead.Principal{person("ana@example.com")}}
	w.identities[lead].Impersonates = &stead.Impersonates{Groups: []stead.Principal{{Kind: stead.GroupPrincipal, IAM: stead.DefaultIAM, Name: "team"}}}
	return w
}

// memoryLog keeps records, or fails.
type memoryLog struct {
	mu      sync.Mutex
	records []stead.Record
	failing bool
}

var errDisk = errors.New("disk full")

func (l *memoryLog) Append(ctx context.Context, r stead.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failing {
		return errDisk
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	l.records = append(l.records, r)
	return nil
}

func (l *memoryLog) last() stead.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.records) == 0 {
		return stead.Record{}
	}
	return l.records[len(l.records)-1]
}

// bench is a service over a fake world that tests move by hand.
type bench struct {
	*Service
	world *fakeWorld
	away  bool
	log   *memoryLog
	now   time.Time
	live  error
}

func newBench() *bench {
	b := &bench{world: newWorld(), log: &memoryLog{}, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	b.Service = New(Config{
		World: func() (World, error) {
			if b.away {
				return nil, errors.New("too old")
			}
			return b.world, nil
		},
		Log:  b.log,
		Now:  func() time.Time { return b.now },
		Live: func(context.Context, stead.Actor) error { return b.live },
	})
	return b
}

func (b *bench) login(id stead.IdentityID) Login {
	i := b.world.identities[id]
	return Login{Actor: stead.Actor{Login: i.Name, Method: "scram", Identity: id, IAM: i.IAM, Name: i.Name, Kind: i.Kind}}
}

var onWh = Client{Connection: "wh", Engine: "gateway", Address: "127.0.0.1:5", Application: "psql"}
