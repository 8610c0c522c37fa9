package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

// Located names a data source.
type Located struct {
	Connection string `path:"connection" maxLength:"64" doc:"Key of the connection"`
	Path       string `path:"path" maxLength:"1024" doc:"Path joined by dots: schema.table"`
}

func (l Located) object() stead.Object {
	return stead.Object{Connection: l.Connection, Kind: stead.TableObject, Path: strings.Split(l.Path, ".")}
}

func (s *server) sourceRoutes() {
	const noun, at = "datasources", "/v1/datasources/{connection}/{path}"
	handle(s, route("list-datasources", http.MethodGet, "/v1/datasources", "List data sources", noun),
		func(ctx context.Context, in *page) (*listed[stead.DataSource], error) {
			return list[stead.DataSource](ctx, s, store.DataSources, *in)
		})
	handle(s, route("get-datasource", http.MethodGet, at, "One data source", noun),
		func(ctx context.Context, in *Located) (*one[stead.DataSource], error) {
			return get[stead.DataSource](ctx, s, store.DataSources, store.SourceKey(in.object()))
		})
	handle(s, route("put-datasource", http.MethodPut, at, "Register a data source, or replace what is known about it", noun), s.putSource)
	handle(s, route("delete-datasource", http.MethodDelete, at, "Delete a data source with its subscriptions", noun),
		func(ctx context.Context, in *struct {
			Located
			Wish
		}) (*changed, error) {
			return s.changeSource(ctx, in.Located, in.Wish, govern.DeleteSource{Object: in.object()})
		})
	handle(s, route("set-datasource-tags", http.MethodPut, at+"/tags", "Replace the tags of a data source and of the columns named", noun),
		func(ctx context.Context, in *struct {
			Located
			Wish
			Body struct {
				Tags    []stead.Tag            `json:"tags"`
				Columns map[string][]stead.Tag `json:"columns,omitempty" doc:"By column name"`
			}
		}) (*changed, error) {
			return s.changeSource(ctx, in.Located, in.Wish, govern.PutTags{Object: in.object(), Tags: in.Body.Tags, Columns: in.Body.Columns})
		})
	handle(s, route("set-datasource-state", http.MethodPut, at+"/state", "Serve a data source, or stop serving it", noun),
		func(ctx context.Context, in *struct {
			Located
			Wish
			Body struct {
				State  stead.SourceState `json:"state" enum:"active,drifted,disabled"`
				Reason string            `json:"reason,omitempty"`
			}
		}) (*changed, error) {
			return s.changeSource(ctx, in.Located, in.Wish, govern.SetSourceState{Object: in.object(), State: in.Body.State, Reason: in.Body.Reason})
		})
	handle(s, route("look-at-datasource", http.MethodPost, at+"/look", "Register the table as it is found now: the look that a drifted one waits for", noun), s.lookAt)
}

func (s *server) changeSource(ctx context.Context, l Located, w Wish, e govern.Edit) (*changed, error) {
	return s.change(ctx, w, store.DataSources, store.SourceKey(l.object()), e)
}

func (s *server) putSource(ctx context.Context, in *struct {
	Located
	Wish
	Body stead.DataSource
}) (*changed, error) {
	d, o := in.Body, in.object()
	d.Bundle = ""
	if err := agree("connection", &d.Connection, in.Connection); err != nil {
		return nil, err
	}
	if len(d.Path) == 0 {
		d.Path = o.Path
	}
	if !slices.Equal(d.Path, o.Path) {
		return nil, stead.Errorf(stead.Invalid, "the document is about another data source than the path").
			WithHint("leave path out, or correct one of the two").At(stead.Place{Path: "path"})
	}
	return s.changeSource(ctx, in.Located, in.Wish, govern.PutSource{Source: d})
}

func (s *server) lookAt(ctx context.Context, in *struct {
	Located
	Wish
}) (*changed, error) {
	found, err := s.look(ctx, in.Connection)
	if err != nil {
		return nil, err
	}
	o := in.object()
	i := slices.IndexFunc(found, func(f govern.Finding) bool { return slices.Equal(f.Source.Path, o.Path) })
	if i < 0 || found[i].Status == govern.Gone {
		return nil, stead.Errorf(stead.NotFound, "%s is not there", o).WithHint("crawl the connection to see what is")
	}
	if found[i].Status == govern.Unreadable {
		return nil, stead.Errorf(stead.Conflict, "%s cannot be served: %s", o, strings.Join(found[i].Changes, "; ")).
			WithHint("repair its data first")
	}
	return s.changeSource(ctx, in.Located, in.Wish, govern.PutSource{Source: found[i].Source})
}
