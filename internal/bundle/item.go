package bundle

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"stead"
	"stead/internal/govern"
	"stead/internal/session"
	"stead/internal/store"
)

// item is one thing that a document describes.
type item struct {
	doc   *document
	under string // path within the document; "" for the whole
	noun  store.Noun
	key   string // of the store
	name  string // as people write it
	refs  []ref
	// edit makes the wanted change, given what is there.
	edit func(*look) (govern.Edit, error)
	// begin, if set, makes a change that must come before the items it refers to; nil when it is not needed.
	begin  func(*look) (govern.Edit, error)
	late   bool // comes after projects
	source *wantedSource
	member []string // keys of groups in a group
	fact   string   // of a group, as conditions name it
	// mentions are tags and groups that a policy names.
	mentions []mention
}

// ref is what an item names and what must exist.
type ref struct {
	noun store.Noun
	key  string
	name string
	path string
}

func (i *item) place(path string) stead.Place {
	switch {
	case i.under == "":
		return i.doc.place(path)
	case path == "" || path[0] == '[':
		return i.doc.place(i.under + path)
	default:
		return i.doc.place(i.under + "." + path)
	}
}

func (i *item) rank() int {
	if i.late {
		return slices.Index(ranks(), store.Subscriptions)
	}
	return slices.Index(ranks(), i.noun)
}

// ranks lists the nouns so that each comes after those it refers to.
func ranks() []store.Noun {
	return []store.Noun{store.Purposes, store.Connections, store.Identities, store.Groups, store.DataSources, store.Policies, store.Projects,
		store.Subscriptions, store.Settings}
}

// order sorts the items so that each comes after what it refers to, in the order of the files otherwise: of two
// policies that tie, the one written first wins.
func (b *Bundle) order() Problems {
	groups := map[string]*item{}
	for _, i := range b.items {
		if i.noun == store.Groups {
			groups[i.key] = i
		}
	}
	depth := map[*item]int{}
	var problems Problems
	for _, i := range b.items {
		if cycle := measure(groups, i, depth, nil); cycle != nil {
			return append(problems, problem(i.place("members"), "group %q would be a member of itself", i.name).
				WithHint("the circle is %s", strings.Join(cycle, " in ")))
		}
	}
	slices.SortStableFunc(b.items, func(x, y *item) int {
		return cmp.Or(cmp.Compare(x.rank(), y.rank()), cmp.Compare(depth[x], depth[y]))
	})
	return nil
}

// measure finds how deep groups below a group reach; a circle comes back as its names.
func measure(groups map[string]*item, i *item, depth map[*item]int, above []*item) []string {
	if depth[i] > 0 || i.noun != store.Groups {
		return nil
	}
	if at := slices.Index(above, i); at >= 0 {
		var names []string
		for _, g := range above[at:] {
			names = append(names, g.name)
		}
		slices.Reverse(names)
		return append(names, names[0])
	}
	deepest := 0
	for _, m := range i.member {
		g := groups[m]
		if g == nil {
			continue
		}
		if cycle := measure(groups, g, depth, append(above, i)); cycle != nil {
			return cycle
		}
		deepest = max(deepest, depth[g])
	}
	depth[i] = deepest + 1
	return nil
}

// add keeps an item.
func (r *reader) add(i *item) { r.bundle.items = append(r.bundle.items, i) }

func (r *reader) bad(at stead.Place, format string, args ...any) {
	r.problems = append(r.problems, problem(at, format, args...))
}

// canonical reads a user name, reporting what is wrong with it.
func (r *reader) canonical(d *document, path, name string) string {
	out, err := session.Canonical(name)
	if err != nil {
		r.problems = append(r.problems, stead.AsError(err).At(d.place(path)))
	}
	return out
}

// principal reads a principal and what it refers to.
func (r *reader) principal(d *document, path string, p principalDoc) (stead.Principal, []ref) {
	out := stead.Principal{Kind: p.Type, IAM: iamOf(p.IAM), Name: p.Name}
	if out.Kind == "" {
		out.Kind = stead.UserPrincipal
	}
	if out.Kind == stead.UserPrincipal {
		out.Name = r.canonical(d, join(path, "name"), p.Name)
		return out, []ref{{store.Identities, store.IdentityKey(out.IAM, out.Name), session.FormatName(out.IAM, out.Name), path}}
	}
	out.Name = groupName(p.Name)
	if systemGroup(out) {
		return out, nil
	}
	return out, []ref{{store.Groups, store.GroupKey(out.IAM, out.Name), session.FormatName(out.IAM, out.Name), path}}
}

func systemGroup(p stead.Principal) bool {
	return p.IAM == stead.DefaultIAM && slices.Contains([]string{stead.AllIdentities, stead.AllUsers, stead.AllAgents}, p.Name)
}

func (r *reader) principals(d *document, path string, list []principalDoc) (out []stead.Principal, refs []ref) {
	for i, p := range list {
		one, more := r.principal(d, index(path, i), p)
		out, refs = append(out, one), append(refs, more...)
	}
	return out, refs
}

func iamOf(iam string) string { return cmp.Or(iam, stead.DefaultIAM) }

// object reads "connection:schema.table".
func (r *reader) object(at stead.Place, s string) (stead.Object, []ref) {
	connection, rest, ok := strings.Cut(s, ":")
	parts := strings.Split(rest, ".")
	if !ok || connection == "" || len(parts) != 2 || slices.Contains(parts, "") {
		r.problems = append(r.problems, problem(at, "%q does not name a table", shorten(s)).WithHint("write connection:schema.table"))
		return stead.Object{}, nil
	}
	o := stead.Object{Connection: connection, Kind: stead.TableObject, Path: parts}
	return o, []ref{{store.DataSources, store.SourceKey(o), o.String(), at.Path}}
}

// look is the state that edits are made on.
type look struct {
	ctx   context.Context
	r     store.Reader
	name  string // of the bundle
	found findings
	// problems are what is wrong in view of what is there; they are told only to whoever may make the changes.
	problems Problems
}

// existing returns the document with the key, nil if there is none.
func existing[T any](l *look, noun store.Noun, key string) (*T, error) {
	row, err := l.r.Find(l.ctx, noun, key)
	if err != nil {
		if stead.CodeOf(err) == stead.NotFound {
			return nil, nil
		}
		return nil, err
	}
	return store.Decode[T](row)
}
