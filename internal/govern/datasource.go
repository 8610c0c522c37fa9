package govern

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"stead"
	"stead/internal/store"
	"stead/policy/expr"
)

// PutSource registers a data source or replaces what is known about it; connection and path find it. Whoever
// registers one without owners owns it. For CREATE_DATA_SOURCE, later for its owners and APPLICATION_ADMIN; its location, which could be that
// of a table hidden from the owner, is changed with one of these permissions only.
type PutSource struct{ Source stead.DataSource }

// DeleteSource deletes a data source with its subscriptions, and takes it out of projects. For its owners and APPLICATION_ADMIN.
type DeleteSource struct{ Object stead.Object }

// PutTags replaces the tags of a data source and of the columns named. For its owners and GOVERNANCE.
type PutTags struct {
	Object  stead.Object
	Tags    []stead.Tag
	Columns map[string][]stead.Tag
}

// SetSourceState serves a data source again, disables it, or marks it as drifted, with the reason. For its owners and APPLICATION_ADMIN.
type SetSourceState struct {
	Object stead.Object
	State  stead.SourceState
	Reason string
}

func (e PutSource) apply(ctx context.Context, t *tx) (Outcome, error) {
	d := e.Source
	if d.State == "" {
		d.State = stead.Active
	}
	old, row, err := find[stead.DataSource](ctx, t, store.DataSources, store.SourceKey(d.Object()))
	if err != nil {
		return Outcome{}, err
	}
	if err := t.mayPutSource(ctx, old, d.Object()); err != nil {
		return Outcome{}, err
	}
	if old == nil {
		if err := t.checkFree(ctx, d.Object()); err != nil {
			return Outcome{}, err
		}
	}
	if err := t.checkSource(ctx, &d); err != nil {
		return Outcome{}, err
	}
	if old != nil && old.Location != d.Location {
		if err := t.need("point "+d.Object().String()+" at other data", stead.CreateDataSource, stead.ApplicationAdmin); err != nil {
			return Outcome{}, err
		}
	}
	if old == nil || old.Location != d.Location {
		if err := t.checkUnowned(ctx, &d); err != nil {
			return Outcome{}, err
		}
	}
	if len(d.Owners) == 0 && old == nil {
		d.Owners = []stead.Principal{{Kind: stead.UserPrincipal, IAM: t.who.IAM, Name: t.who.Name}}
	} else if len(d.Owners) == 0 {
		d.Owners = old.Owners
	}
	return t.writeSource(ctx, row, old, &d)
}

// mayPutSource: who may not register anything does not learn here what is registered.
func (t *tx) mayPutSource(ctx context.Context, old *stead.DataSource, o stead.Object) error {
	what := "register or change " + o.String()
	if old == nil {
		if t.who.Holds(stead.CreateDataSource) {
			return nil
		}
		return holdsOne(&stead.Identity{}, what, []stead.Permission{stead.CreateDataSource})
	}
	owns, err := t.among(ctx, old.Owners, t.who)
	if err != nil || owns || t.who.Holds(stead.ApplicationAdmin) {
		return err
	}
	return holdsOne(&stead.Identity{}, what, []stead.Permission{stead.CreateDataSource})
}

func (t *tx) writeSource(ctx context.Context, row store.Row, old, d *stead.DataSource) (Outcome, error) {
	if old != nil {
		d.Bundle = old.Bundle
	}
	o, err := put(ctx, t, store.DataSources, row, store.SourceKey(d.Object()), d.Object().String(), d)
	if err != nil || o.Op == None {
		return o, err
	}
	if t.sources != nil {
		t.sources[foldPath(d.Object())] = true
	}
	if old != nil {
		o.Widens = sourceWidens(old, d)
	} else if len(d.Tags) == 0 && !slices.ContainsFunc(d.Columns, func(c stead.Column) bool { return len(c.Tags) > 0 }) {
		o.Warnings = append(o.Warnings, "has no tags: only policies that name it or its columns, or apply to all, protect it")
	}
	return t.done(ctx, o)
}

// sourceWidens: owners reach a table without subscription, tags and columns decide which policies apply.
func sourceWidens(old, d *stead.DataSource) []string {
	var out []string
	for _, p := range added(old.Owners, d.Owners) {
		out = append(out, spell(p)+" becomes an owner")
	}
	if old.State != stead.Active && d.State == stead.Active {
		out = append(out, "is served again")
	}
	if old.Location != d.Location {
		out = append(out, "shows other data under the same policies")
	}
	if !reflect.DeepEqual(old.Tags, d.Tags) {
		out = append(out, "its tags change, and with them the policies that apply")
	}
	before := map[string]stead.Column{}
	for _, c := range old.Columns {
		before[c.Name] = c
	}
	for _, c := range d.Columns {
		was, ok := before[c.Name]
		switch {
		case !ok:
			out = append(out, "shows a new column "+c.Name)
		case !reflect.DeepEqual(was.Tags, c.Tags) || !reflect.DeepEqual(was.Type, c.Type):
			out = append(out, "column "+c.Name+" changes its tags or type, and with them the masks that apply")
		}
	}
	return out
}

// checkFree refuses a path that differs from a registered one in letter case only: engines would take both for one table.
func (t *tx) checkFree(ctx context.Context, o stead.Object) error {
	if t.sources == nil {
		t.sources = map[string]bool{}
		err := everyRow(ctx, t, store.DataSources, func(row store.Row) error {
			t.sources[strings.ToLower(row.Key)] = true
			return nil
		})
		if err != nil {
			return err
		}
	}
	if t.sources[foldPath(o)] {
		return stead.Errorf(stead.Conflict, "%s differs from a registered data source in letter case only", o).
			WithHint("register it under one spelling")
	}
	return nil
}

func foldPath(o stead.Object) string { return strings.ToLower(store.SourceKey(o)) }

// governed finds a data source for its owners and the holders of any of the permissions. Everybody else gets one refusal, whether
// it exists or not.
func (t *tx) governed(ctx context.Context, what string, o stead.Object, any ...stead.Permission) (*stead.DataSource, store.Row, error) {
	d, row, err := find[stead.DataSource](ctx, t, store.DataSources, store.SourceKey(o))
	if err != nil {
		return nil, row, err
	}
	if d == nil {
		if err := t.need(what+" "+o.String(), any...); err != nil {
			return nil, row, err
		}
		return nil, row, missing(store.DataSources, o.String())
	}
	return d, row, t.needOwner(ctx, what+" "+o.String(), d.Owners, any...)
}

func (t *tx) checkSource(ctx context.Context, d *stead.DataSource) error {
	c, _, err := find[stead.Connection](ctx, t, store.Connections, d.Connection)
	if err == nil && c == nil {
		err = missing(store.Connections, d.Connection)
	}
	if err != nil {
		return err
	}
	if len(d.Path) != 2 {
		return invalid("path", "a data source is named by schema and table")
	}
	for _, part := range d.Path {
		if err := checkLabel("path", part); err != nil {
			return err
		}
		if strings.ContainsAny(part, ".\x1f") {
			return invalid("path", "%q holds a dot", shorten(part))
		}
	}
	if d.Name == "" {
		d.Name = strings.Join(d.Path, ".")
	}
	if err := checkLabel("name", d.Name); err != nil {
		return err
	}
	for path, text := range map[string]string{"description": d.Description, "reason": d.Reason} {
		if err := checkText(path, text, 4096); err != nil {
			return err
		}
	}
	if err := checkLocation(d.Location); err != nil {
		return err
	}
	if err := checkPushedSource(c, d); err != nil {
		return err
	}
	if !slices.Contains([]stead.SourceState{stead.Active, stead.Drifted, stead.Disabled}, d.State) {
		return invalid("state", "state %q is not known", shorten(string(d.State)))
	}
	if d.Tags, err = checkTags("tags", d.Tags); err != nil {
		return err
	}
	if d.Owners, err = t.principals(ctx, "owners", d.Owners); err != nil {
		return err
	}
	d.Columns, err = checkColumns(d.Columns)
	return err
}

// checkLocation keeps a location below its connection's address.
func checkLocation(location string) error {
	if err := checkText("location", location, 1024); err != nil {
		return err
	}
	parts := strings.FieldsFunc(location, func(r rune) bool { return r == '/' || r == '\\' })
	if strings.HasPrefix(location, "/") || strings.HasPrefix(location, "\\") || strings.Contains(location, "://") || slices.Contains(parts, "..") {
		return invalid("location", "must lie below the connection's address").WithHint("give a path relative to it, without ..")
	}
	return nil
}

func checkColumns(columns []stead.Column) ([]stead.Column, error) {
	if len(columns) == 0 {
		return nil, invalid("columns", "are missing")
	}
	out, seen := slices.Clone(columns), map[string]bool{}
	for i := range out {
		path := fmt.Sprintf("columns[%d]", i)
		name := out[i].Name
		if name == "" || checkText(path, name, 256) != nil || strings.ContainsAny(name, "\n\t") {
			return nil, invalid(path+".name", "is missing, too long, or holds a control character")
		}
		if seen[strings.ToLower(name)] {
			return nil, invalid(path+".name", "column %q is there twice", shorten(name))
		}
		seen[strings.ToLower(name)] = true
		if out[i].Type.Kind > expr.Map {
			return nil, invalid(path+".type", "is not known")
		}
		var err error
		if out[i].Tags, err = checkTags(path+".tags", out[i].Tags); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (e PutTags) apply(ctx context.Context, t *tx) (Outcome, error) {
	old, row, err := t.governed(ctx, "tag", e.Object, stead.Governance)
	if err != nil {
		return Outcome{}, err
	}
	d := *old
	d.Columns = slices.Clone(old.Columns)
	if d.Tags, err = checkTags("tags", e.Tags); err != nil {
		return Outcome{}, err
	}
	for name, tags := range e.Columns {
		i := slices.IndexFunc(d.Columns, func(c stead.Column) bool { return c.Name == name })
		if i < 0 {
			return Outcome{}, invalid("columns", "column %q does not exist", shorten(name))
		}
		if d.Columns[i].Tags, err = checkTags("columns."+name, tags); err != nil {
			return Outcome{}, err
		}
	}
	return t.writeSource(ctx, row, old, &d)
}

func (e SetSourceState) apply(ctx context.Context, t *tx) (Outcome, error) {
	old, row, err := t.governed(ctx, "change", e.Object, stead.ApplicationAdmin)
	if err != nil {
		return Outcome{}, err
	}
	d := *old
	d.State, d.Reason = e.State, e.Reason
	if err := t.checkSource(ctx, &d); err != nil {
		return Outcome{}, err
	}
	return t.writeSource(ctx, row, old, &d)
}

func (e DeleteSource) apply(ctx context.Context, t *tx) (Outcome, error) {
	d, row, err := t.governed(ctx, "delete", e.Object, stead.ApplicationAdmin)
	if err != nil {
		return Outcome{}, err
	}
	o, err := remove(ctx, t, store.DataSources, row, d.Object().String())
	if err != nil {
		return o, err
	}
	delete(t.sources, foldPath(d.Object()))
	if err := t.forgetSource(ctx, store.SourceKey(d.Object())); err != nil {
		return o, err
	}
	return t.done(ctx, o)
}

// forgetSource takes a deleted data source out of subscriptions and projects: a later one under the same path inherits nothing.
func (t *tx) forgetSource(ctx context.Context, key string) error {
	err := every(ctx, t, store.Subscriptions, func(row store.Row, s *stead.Subscription) error {
		if store.SourceKey(s.Source) != key {
			return nil
		}
		return t.Delete(ctx, store.Subscriptions, row.ID)
	})
	if err != nil {
		return err
	}
	f := forgetting{tx: t}
	return every(ctx, t, store.Projects, func(row store.Row, p *stead.Project) error {
		kept := slices.DeleteFunc(slices.Clone(p.Sources), func(o stead.Object) bool { return store.SourceKey(o) == key })
		if len(kept) == len(p.Sources) {
			return nil
		}
		p.Sources = kept
		return f.write(ctx, row, p)
	})
}
