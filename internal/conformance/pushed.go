package conformance

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"stead"
	"stead/internal/bundle"
	"stead/internal/decide"
	"stead/internal/push"
	"stead/internal/reconcile"
	"stead/internal/session"
)

// span is how many ids a case has on a push platform, where cases stand beside each other.
const span = 1000

// schema is where a schema of the case is on a push platform.
func (c *Case) schema(name string) string { return fmt.Sprintf("c%d_%s", c.number, name) }

// role is the login of an identity, or of somebody whom stead does not know.
func (c *Case) role(name string) string { return fmt.Sprintf("c%d_%s", c.number, name) }

// login is the role that the case's user connects as.
func (c *Case) login() string {
	if _, name, err := session.ParseName(c.Asker.User); err == nil {
		return c.role(name)
	}
	return c.role(c.Asker.User)
}

// alone reports whether a case needs the whole platform: names of people are looked up there, and the clock, the
// kill switch and settings are one for all.
func (c *Case) alone() bool {
	return c.Asker.At != "" || slices.ContainsFunc(c.steps(), func(s bundle.TestStep) bool { return s.Project == "" && s.End != "project" }) ||
		slices.ContainsFunc(c.delta.Connections, func(x *stead.Connection) bool { return x.Disabled }) ||
		slices.ContainsFunc(c.delta.Settings, func(s stead.Setting) bool { return strings.HasPrefix(s.Name, "gateway.") })
}

// stored says in which project the case's user is to act by what is stored, which on push platforms is the only
// way. Where that would not mean the same as the steps of the session it is an error.
func (c *Case) stored() (string, error) {
	asked, stead := "", c.Asker.Impersonating
	for _, s := range c.steps() {
		switch {
		case s.Impersonate != "":
			stead = s.Impersonate
		case s.Project != "" && stead != "":
			if c.projectOf(stead) != s.Project {
				return "", fmt.Errorf("a session cannot choose a project on a push platform: declare an exception")
			}
		case s.Project != "" && asked == "":
			asked = s.Project
		case s.Project != "" || s.End == "project":
			return "", fmt.Errorf("a session cannot change its project on a push platform: declare an exception")
		}
	}
	return asked, nil
}

func (c *Case) projectOf(user string) string {
	for _, i := range c.delta.Identities {
		if i.Name == user {
			return i.Project
		}
	}
	return ""
}

// pushed is the case's world as a push platform is given it: ids and roles of its own, and the connection's
// settings in place of the gateway's.
func (c *Case) pushed(revision stead.Revision) (*decide.World, error) {
	project, err := c.stored()
	if err != nil {
		return nil, err
	}
	d := c.delta
	d.Revision = revision
	d.Identities, d.Sources, d.Connections = slices.Clone(d.Identities), slices.Clone(d.Sources), slices.Clone(d.Connections)
	for i, x := range d.Identities {
		moved := *x
		moved.ID += stead.IdentityID(c.number * span)
		moved.External = map[stead.Platform]string{stead.PostgreSQL: c.role(x.Name)}
		if project != "" && moved.External[stead.PostgreSQL] == c.login() {
			moved.Project = project
		}
		d.Identities[i] = &moved
	}
	for i, x := range d.Sources {
		moved := *x
		moved.ID += stead.SourceID(c.number * span)
		d.Sources[i] = &moved
	}
	for i, x := range d.Connections {
		moved := *x
		moved.Platform, moved.Settings = stead.PostgreSQL, nil
		if c.setting("gateway.singleImpersonationUser") == "true" {
			moved.Settings = map[string]string{push.SettingPinned: c.login()}
		}
		d.Connections[i] = &moved
	}
	return decide.New().With(d), nil
}

func (c *Case) setting(name string) string {
	for _, s := range c.delta.Settings {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

// keyOfPushed is the key of a case's source, by the id that the source has among all cases.
func keyOfPushed(id string) (string, error) {
	if text, ok := strings.CutPrefix(id, "source/"); ok {
		n, err := strconv.Atoi(text)
		if err != nil {
			return "", err
		}
		id = fmt.Sprintf("source/%d", n%span)
	}
	return keyOf(id)
}

// state makes one state of the worlds of several cases, each in schemas of its own.
func state(cases []*Case, revision stead.Revision) (*push.State, error) {
	var out *push.State
	var noForce, views []string
	keys := map[string]bool{}
	for _, c := range cases {
		w, err := c.pushed(revision)
		if err != nil {
			return nil, err
		}
		s, err := reconcile.Build(w, connection, nil)
		if err != nil {
			return nil, at(c.Place, err)
		}
		sources := map[stead.SourceID]*push.Source{}
		for id, x := range s.Sources {
			sources[id] = c.moved(x)
		}
		for _, k := range s.Keys {
			keys[k] = true
		}
		noForce, views = append(noForce, c.belowViews()...), append(views, c.views()...)
		if out == nil {
			out = s
			out.Sources = sources
			continue
		}
		maps.Copy(out.Sources, sources)
		for id, set := range s.Sets {
			out.Sets[id] = union(out.Sets[id], set)
		}
		out.Problems = append(out.Problems, s.Problems...)
	}
	out.Keys = slices.Sorted(maps.Keys(keys))
	out.Settings.NoForce, out.Settings.KeepDependents = noForce, views
	return out, nil
}

// belowViews are the tables that stand below registered views: their owner, as whom such a view reads them, is let
// pass, or their rules would follow people through the view.
func (c *Case) belowViews() []string {
	var out []string
	if !slices.ContainsFunc(c.tables, func(t *table) bool { return t.view != "" }) {
		return nil
	}
	for _, t := range c.tables {
		out = append(out, c.schema(t.def.Path[0])+"."+t.def.Path[1])
	}
	return out
}

// views are those of the case: that they show what other data sources hold is meant.
func (c *Case) views() []string {
	var out []string
	for _, t := range c.tables {
		if t.view != "" {
			out = append(out, c.schema(t.def.Path[0])+"."+t.def.Path[1])
		}
	}
	return out
}

// moved is a source in the case's own schema.
func (c *Case) moved(s *push.Source) *push.Source {
	out := *s
	out.Path = slices.Clone(s.Path)
	out.Path[0] = c.schema(out.Path[0])
	out.Digest = sha256.Sum256(fmt.Appendf(nil, "%x %q", s.Digest, out.Path))
	return &out
}

func union(a, b *push.Set) *push.Set {
	if a == nil {
		return b
	}
	rows := slices.Concat(a.Rows, b.Rows)
	slices.SortFunc(rows, push.Row.Compare)
	return &push.Set{Rows: slices.Compact(rows)}
}
