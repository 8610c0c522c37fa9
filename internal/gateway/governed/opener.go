package governed

import (
	"context"
	"strings"
	"time"

	"stead"
	"stead/internal/gateway"
	"stead/internal/gateway/catalog"
	"stead/internal/gateway/rewrite"
	"stead/internal/gateway/sqlstate"
	"stead/internal/session"
)

// Opener opens sessions whose every statement is resolved, decided, rewritten, recorded and
// only then run. All members but Drifted, Elsewhere and Watch are required.
type Opener struct {
	Sessions  *session.Service
	Engines   *Engines
	Rewriter  *rewrite.Rewriter
	Catalogue *catalog.Engine
	// Drifted hears of a source whose data no longer fits its registration, when a statement meets it.
	Drifted func(ctx context.Context, o stead.Object, reason string)
	// Elsewhere refuses connections that are not asked through the gateway, saying where to go.
	Elsewhere func(connection string) error
	// Watch is how often a running statement is checked against the rights as they are now.
	Watch time.Duration
}

// Open implements gateway.Opener.
func (g *Opener) Open(ctx context.Context, login session.Login, client session.Client) (gateway.Session, error) {
	if g.Elsewhere != nil {
		if err := g.Elsewhere(client.Connection); err != nil {
			return nil, err
		}
	}
	s, err := g.Sessions.Open(ctx, login, client)
	if err != nil {
		return nil, err
	}
	return &desk{Session: s, g: g, connection: client.Connection}, nil
}

// Refused implements gateway.Opener.
func (g *Opener) Refused(ctx context.Context, user string, client session.Client, err error) error {
	return g.Sessions.SignInRefused(ctx, stead.Actor{Login: user, Method: "scram"}, client, err)
}

func (g *Opener) watch() time.Duration {
	if g.Watch > 0 {
		return g.Watch
	}
	return 500 * time.Millisecond
}

// desk is where one session asks.
type desk struct {
	*session.Session
	g          *Opener
	connection string
	spare      *engineConn // kept between statements
	visible    visibleSet
}

// visibleSet is what the session's asker may know to exist, as of one world.
type visibleSet struct {
	revision stead.Revision
	subject  stead.IdentityID
	project  string
	path     string
	set      catalog.Set
}

func (d *desk) Close() {
	if d.spare != nil {
		_ = d.spare.close()
		d.spare = nil
	}
}

// Plan implements gateway.Session. A statement that is refused is recorded with its cause.
func (d *desk) Plan(ctx context.Context, q gateway.Query) (gateway.Plan, error) {
	p := &plan{desk: d, query: q}
	st, err := d.Begin(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.make(ctx, st); err != nil {
		return nil, p.refused(ctx, st, err)
	}
	if q.Now {
		p.fresh = st
	}
	return p, nil
}

// resolve finds the table that a path names for the asker of one statement. What is hidden and
// what does not exist are the same answer.
func (d *desk) resolve(st *session.Statement, searchPath []string, served *served) rewrite.Resolve {
	return func(path []string) (rewrite.Source, error) {
		missing := sqlstate.Errorf(sqlstate.NoTable, stead.NotFound, "relation %q does not exist", strings.Join(path, ".")).
			WithHint("Check the name; \\d in psql lists what you may see.")
		if len(path) == 3 {
			if path[0] != d.connection {
				return rewrite.Source{}, missing
			}
			path = path[1:]
		}
		var denied error
		for _, full := range append(candidates(path, searchPath), d.byName(st, path, searchPath)...) {
			o := stead.Object{Connection: d.connection, Kind: stead.TableObject, Path: full}
			dec := st.Decide(o, stead.Read)
			if dec.Verdict == stead.Allow {
				return rewrite.Source{Decision: dec, Sealed: dec.Source == nil || !scanned(served.of.Address, dec.Source)}, nil
			}
			if denied == nil && dec.Denial != nil && dec.Denial.Code != stead.NotFound {
				denied = dec.Denial
			}
		}
		if denied != nil {
			return rewrite.Source{}, denied
		}
		return rewrite.Source{}, missing
	}
}

// candidates are the full paths that a name may mean, the exact spelling first and then as
// PostgreSQL folds it.
func candidates(path, searchPath []string) [][]string {
	var all [][]string
	add := func(full ...string) {
		all = append(all, full)
		lower := make([]string, len(full))
		same := true
		for i, p := range full {
			lower[i] = strings.ToLower(p)
			same = same && lower[i] == p
		}
		if !same {
			all = append(all, lower)
		}
	}
	if len(path) != 1 {
		add(path...)
		return all
	}
	for _, schema := range searchPath {
		add(schema, path[0])
	}
	add("main", path[0]) // where a folder's own files and a database's own tables are
	return all
}

// byName finds the one visible table of a name without schema, while no search path is set. With
// several of the name there is none: the schema must be said.
func (d *desk) byName(st *session.Statement, path, searchPath []string) [][]string {
	if len(path) != 1 || searchPath != nil {
		return nil
	}
	var found [][]string
	for _, t := range d.catalogueSet(st, nil).Tables {
		if t.Name == path[0] || t.Name == strings.ToLower(path[0]) {
			found = append(found, []string{t.Schema, t.Name})
		}
	}
	if len(found) > 1 {
		return nil
	}
	return found
}

// catalogueSet is what the asker may know to exist, made again when anything changed.
func (d *desk) catalogueSet(st *session.Statement, searchPath []string) catalog.Set {
	a := &st.Asker
	path := "default"
	if searchPath != nil {
		path = strings.Join(searchPath, "\x00") + "\x00"
	}
	v := &d.visible
	if v.revision != a.Revision || v.subject != a.Subject.Identity || v.project != a.Project || v.path != path || a.Revision == 0 {
		set := catalog.SetOf(d.connection, a.Subject.Name, st.Visible())
		set.Login = a.Actor.Name
		if searchPath != nil {
			set.Path = append(append([]string{}, searchPath...), "main")
		}
		*v = visibleSet{a.Revision, a.Subject.Identity, a.Project, path, set}
	}
	return v.set
}
