package bundle

import (
	"fmt"
	"slices"
	"strings"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
	"stead/policy/expr"
)

// wantedSource is a table as a document describes it.
type wantedSource struct {
	object      stead.Object
	name        string
	description string
	location    string
	columns     []stead.Column // nil when they are not declared
	tags        []stead.Tag
	columnTags  map[string][]stead.Tag
	tagPaths    map[string]string // of columnTags, within the source
	owners      []stead.Principal
	state       *stead.SourceState
}

func (r *reader) data(d *document, doc dataDoc) {
	owners, ownerRefs := r.principals(d, "owners", doc.Owners)
	for n, s := range doc.Sources {
		if s.Schema == "" {
			s.Schema = "main"
		}
		o := stead.Object{Connection: doc.ConnectionKey, Kind: stead.TableObject, Path: []string{s.Schema, s.Table}}
		w := &wantedSource{object: o, name: s.Naming.DataSource, description: s.Description, location: s.Location, owners: owners, state: s.State,
			tags: slices.Concat(doc.Options.TableTags, s.Tags.Table)}
		i := &item{doc: d, under: index("sources", n), noun: store.DataSources, key: store.SourceKey(o), name: o.String(), refs: ownerRefs, source: w}
		if s.Owners != nil {
			w.owners, i.refs = r.principals(d, join(i.under, "owners"), s.Owners)
		}
		if w.name == "" && doc.NameTemplate.DataSourceFormat != "" {
			w.name = strings.NewReplacer("<schema>", s.Schema, "<tablename>", s.Table).Replace(doc.NameTemplate.DataSourceFormat)
		}
		i.refs = slices.Concat([]ref{{store.Connections, o.Connection, o.Connection, "connectionKey"}}, i.refs)
		r.columns(i, s.Columns)
		r.columnTags(i, s.Tags.Columns)
		i.edit = func(l *look) (govern.Edit, error) { return sourceEdit(l, i) }
		r.add(i)
	}
}

func (r *reader) columns(i *item, columns []columnDoc) {
	for n, c := range columns {
		t, err := expr.ParseType(c.Type)
		if err != nil {
			at := i.place(index("columns", n) + ".type")
			r.problems = append(r.problems, problem(at, "%s", err).WithHint("write a type as int, text, decimal(10,2), date, timestamp, array(text) ..."))
			continue
		}
		i.source.columns = append(i.source.columns, stead.Column{Name: c.Name, Type: t, Nullable: c.Nullable})
	}
}

func (r *reader) columnTags(i *item, list []columnTagsDoc) {
	w := i.source
	w.columnTags, w.tagPaths = map[string][]stead.Tag{}, map[string]string{}
	for n, c := range list {
		at := index("tags.columns", n) + ".columnName"
		if _, twice := w.columnTags[c.ColumnName]; twice {
			r.bad(i.place(at), "column %q is tagged twice", shorten(c.ColumnName))
		}
		w.columnTags[c.ColumnName], w.tagPaths[c.ColumnName] = c.Tags, at
	}
}

// sourceEdit joins what the document says with the columns that were declared, registered or found, in that order: a table that
// is registered is not looked at again, so that applying a bundle never accepts what changed behind it.
func sourceEdit(l *look, i *item) (govern.Edit, error) {
	w := i.source
	old, err := existing[stead.DataSource](l, i.noun, i.key)
	if err != nil {
		return nil, err
	}
	want := stead.DataSource{Connection: w.object.Connection, Path: w.object.Path, Name: w.name, Description: w.description, Location: w.location,
		Tags: w.tags, Owners: w.owners, State: stead.Active, Bundle: l.name}
	var columns []stead.Column
	switch {
	case old != nil:
		want.State, want.Reason = old.State, old.Reason
		if want.Location == "" {
			want.Location = old.Location
		}
		columns = old.Columns
	case w.columns == nil:
		found, problem := l.found.table(i)
		if problem != nil {
			l.problems = append(l.problems, problem)
			return nil, nil
		}
		want.Location, columns = found.Location, found.Columns
	}
	if w.columns != nil {
		columns = withNative(w.columns, columns)
	}
	if w.state != nil && *w.state != want.State {
		want.State, want.Reason = *w.state, ""
	}
	want.Columns = w.tagged(l, i, columns)
	return govern.PutSource{Source: want}, nil
}

// withNative keeps the platform's spelling of a type that is declared as it is registered.
func withNative(declared, registered []stead.Column) []stead.Column {
	out := slices.Clone(declared)
	for n, c := range out {
		at := slices.IndexFunc(registered, func(r stead.Column) bool { return r.Name == c.Name && r.Type.String() == c.Type.String() })
		if at >= 0 && c.Type.Native == "" {
			out[n].Type = registered[at].Type
		}
	}
	return out
}

// tagged gives the columns their tags, and only those.
func (w *wantedSource) tagged(l *look, i *item, columns []stead.Column) []stead.Column {
	out := slices.Clone(columns)
	left := map[string]bool{}
	for name := range w.columnTags {
		left[name] = true
	}
	for n := range out {
		out[n].Tags = w.columnTags[out[n].Name]
		delete(left, out[n].Name)
	}
	for name := range left {
		p := problem(i.place(w.tagPaths[name]), "%s has no column %q", w.object, shorten(name))
		l.problems = append(l.problems, p.WithHint("its columns are %s", columnNames(columns)))
	}
	return out
}

func columnNames(columns []stead.Column) string {
	const most = 20
	var names []string
	for _, c := range columns {
		if len(names) == most {
			return strings.Join(names, ", ") + fmt.Sprintf(" and %d more", len(columns)-most)
		}
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}
