package bundle

import (
	"context"
	"slices"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

// findings are what connections were found to hold, by key of the connection.
type findings map[string][]govern.Discovered

// crawl looks at the connections of new tables whose columns are not declared. It happens before any change, as looking takes its time. Nothing is
// found for who may not look: registering is then refused, whether or not the tables are there.
func (b *Bundle) crawl(ctx context.Context, g *govern.Service, c govern.Caller, crawler govern.Crawler, name string) (findings, error) {
	wanted := map[string]stead.Connection{}
	places := map[string]stead.Place{}
	moved, looks := false, false
	_, err := g.Within(ctx, c, true, func(r store.Reader) ([]govern.Edit, error) {
		l := &look{ctx: ctx, r: r, name: name}
		clear(wanted)
		for _, i := range b.items {
			if i.source == nil || i.source.columns != nil {
				continue
			}
			old, err := existing[stead.DataSource](l, i.noun, i.key)
			if err != nil {
				return nil, err
			}
			if old != nil {
				continue
			}
			looks = true
			conn, differs, err := b.connection(l, i.source.object.Connection)
			if err != nil {
				return nil, err
			}
			if conn != nil {
				wanted[conn.Key], places[conn.Key] = *conn, i.doc.place("connectionKey")
			}
			moved = moved || differs
		}
		return nil, nil
	})
	if err != nil || !looks {
		return nil, err
	}
	rights := []stead.Permission{stead.CreateDataSource, stead.ApplicationAdmin}
	if moved {
		rights = rights[1:] // a place that no connection names yet
	}
	switch err := g.Authorize(ctx, c, "look for data sources", rights...); {
	case stead.CodeOf(err) == stead.Denied:
		return nil, nil
	case err != nil:
		return nil, err
	}
	out := findings{}
	for key, conn := range wanted {
		if crawler == nil {
			return nil, stead.Errorf(stead.Unsupported, "connection %q cannot be looked at from here", key).At(places[key]).
				WithHint("declare the columns of its tables")
		}
		if out[key], err = crawler.Crawl(ctx, conn); err != nil {
			return nil, stead.AsError(err).At(places[key])
		}
	}
	return out, nil
}

// connection is the connection as it will be, and whether it then points elsewhere than now; nil when there is none.
func (b *Bundle) connection(l *look, key string) (*stead.Connection, bool, error) {
	old, err := existing[stead.Connection](l, store.Connections, key)
	doc := b.connections[key]
	if err != nil || doc == nil {
		return old, false, err
	}
	want, err := wantedConnection(l, doc)
	if old != nil {
		want.ID = old.ID
	}
	return &want, old == nil || old.Address != want.Address || old.Credential != want.Credential || old.Platform != want.Platform, err
}

// table finds what a new table is: by its path, or by the location that the document gives.
func (f findings) table(i *item) (govern.Discovered, *stead.Error) {
	if f == nil {
		return govern.Discovered{}, nil
	}
	w := i.source
	all := f[w.object.Connection]
	at := slices.IndexFunc(all, func(d govern.Discovered) bool {
		if w.location != "" {
			return d.Location == w.location
		}
		return slices.Equal(d.Path, w.object.Path)
	})
	switch {
	case at < 0:
		p := problem(i.place("table"), "%s was not found on its connection", w.object)
		return govern.Discovered{}, p.WithHint("%d tables were found there; correct the name, or declare columns and location", len(all))
	case all[at].Problem != "":
		return govern.Discovered{}, problem(i.place("table"), "%s cannot be served: %s", w.object, all[at].Problem)
	}
	return all[at], nil
}
