package bundle

import (
	"context"
	"fmt"
	"slices"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

// glance is what a connection was found to hold when it was looked at only to warn: what is not there now may come later.
type glance struct {
	connection stead.Connection
	moved      bool    // it is new, or will point elsewhere
	declared   []*item // its new tables whose columns are declared
	found      []govern.Discovered
	warning    string
}

// declared notes a new table with declared columns, to compare them with its data.
func (o *outlook) declared(i *item, conn *stead.Connection, moved bool) {
	if conn == nil {
		return
	}
	if o.glances[conn.Key] == nil {
		o.glances[conn.Key] = &glance{connection: *conn, moved: moved}
	}
	at := o.glances[conn.Key]
	at.declared = append(at.declared, i)
}

// glance looks at the connections that only warnings are wanted of. Who may not look is not warned.
func (o *outlook) glance(ctx context.Context, g *govern.Service, c govern.Caller, crawler govern.Crawler, found findings) error {
	for key, at := range o.glances {
		if tables, ok := found[key]; ok {
			at.found = tables
			continue
		}
		rights := []stead.Permission{stead.ApplicationAdmin}
		if !at.moved {
			rights = append(rights, stead.CreateDataSource)
		}
		switch err := g.Authorize(ctx, c, "look for data sources", rights...); {
		case stead.CodeOf(err) == stead.Denied:
			continue
		case err != nil:
			return err
		}
		at.found, at.warning = govern.Glance(ctx, crawler, at.connection)
	}
	return nil
}

// glanced says what of the data does not fit an item.
func (a *applying) glanced(i *item) []string {
	if at := a.glances[i.key]; i.noun == store.Connections && at != nil && at.moved && at.warning != "" {
		return []string{at.warning}
	}
	if i.source == nil || a.glances[i.source.object.Connection] == nil {
		return nil
	}
	at := a.glances[i.source.object.Connection]
	n := slices.IndexFunc(at.found, i.source.is)
	if n < 0 || !slices.Contains(at.declared, i) {
		return nil
	}
	table := at.found[n]
	if table.Problem != "" {
		return []string{"cannot be served as it is now: " + table.Problem}
	}
	var out []string
	for _, c := range i.source.columns {
		if !slices.ContainsFunc(table.Columns, func(f stead.Column) bool { return f.Name == c.Name }) {
			out = append(out, fmt.Sprintf("its data has no column %q; it has %s", shorten(c.Name), columnNames(table.Columns)))
		}
	}
	return out
}

// is reports whether the table is the one meant: by the location that the document gives, else by its path.
func (w *wantedSource) is(d govern.Discovered) bool {
	if w.location != "" {
		return d.Location == w.location
	}
	return slices.Equal(d.Path, w.object.Path)
}
