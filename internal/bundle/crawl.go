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

// outlook is which connections must be looked at.
type outlook struct {
	needed      bool // some new table has no declared columns
	moved       bool // a connection is new, or will point elsewhere
	connections map[string]stead.Connection
	places      map[string]stead.Place // of documents that need them
	glances     map[string]*glance     // connections that are looked at only to warn
}

// crawl looks at the connections of new tables whose columns are not declared, before any change, as looking takes its time.
// Nothing is found for who may not look: registering is then refused, whether or not the tables are there.
func (o *outlook) crawl(ctx context.Context, g *govern.Service, c govern.Caller, crawler govern.Crawler) (findings, error) {
	if !o.needed {
		return nil, nil
	}
	rights := []stead.Permission{stead.CreateDataSource, stead.ApplicationAdmin}
	if o.moved {
		rights = rights[1:] // a place that no connection names yet
	}
	switch err := g.Authorize(ctx, c, "look for data sources", rights...); {
	case stead.CodeOf(err) == stead.Denied:
		return nil, nil
	case err != nil:
		return nil, err
	}
	out := findings{}
	var err error
	for key, conn := range o.connections {
		if crawler == nil {
			return nil, stead.Errorf(stead.Unsupported, "connection %q cannot be looked at from here", key).At(o.places[key]).
				WithHint("declare the columns of its tables")
		}
		if out[key], err = crawler.Crawl(ctx, conn); err != nil {
			return nil, stead.AsError(err).At(o.places[key])
		}
	}
	return out, nil
}

// ahead says what must be looked at before the bundle is applied.
func (b *Bundle) ahead(ctx context.Context, g *govern.Service, c govern.Caller, name string) (o outlook, err error) {
	_, err = g.Within(ctx, c, true, func(r store.Reader) (_ []govern.Edit, err error) {
		o, err = b.outlook(&look{ctx: ctx, r: r, name: name})
		return nil, err
	})
	return o, err
}

func (b *Bundle) outlook(l *look) (outlook, error) {
	o := outlook{connections: map[string]stead.Connection{}, places: map[string]stead.Place{}, glances: map[string]*glance{}}
	for key := range b.connections {
		conn, moved, err := b.connection(l, key)
		if err != nil {
			return o, err
		}
		if moved {
			o.glances[key] = &glance{connection: *conn, moved: true}
		}
	}
	for _, i := range b.items {
		if i.source == nil {
			continue
		}
		old, err := existing[stead.DataSource](l, i.noun, i.key)
		if err != nil {
			return o, err
		}
		if old != nil {
			continue
		}
		conn, moved, err := b.connection(l, i.source.object.Connection)
		if err != nil {
			return o, err
		}
		if i.source.columns != nil {
			o.declared(i, conn, moved)
			continue
		}
		o.needed = true
		if conn != nil {
			o.connections[conn.Key], o.places[conn.Key] = *conn, i.doc.place("connectionKey")
		}
		o.moved = o.moved || moved
	}
	return o, nil
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
	at := slices.IndexFunc(all, w.is)
	switch {
	case at < 0:
		p := problem(i.place("table"), "%s was not found on its connection", w.object)
		return govern.Discovered{}, p.WithHint("%d tables were found there; correct the name, or declare columns and location", len(all))
	case all[at].Problem != "":
		return govern.Discovered{}, problem(i.place("table"), "%s cannot be served: %s", w.object, all[at].Problem)
	}
	return all[at], nil
}
