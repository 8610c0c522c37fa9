package httpapi

import (
	"context"
	"net/http"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

// Keyed names a document by its key.
type Keyed struct {
	Key string `path:"key" maxLength:"256"`
}

func (s *server) connectionRoutes() {
	handle(s, route("list-connections", http.MethodGet, "/v1/connections", "List connections", "connections"),
		func(ctx context.Context, in *page) (*listed[stead.Connection], error) {
			return list[stead.Connection](ctx, s, store.Connections, *in)
		})
	handle(s, route("get-connection", http.MethodGet, "/v1/connections/{key}", "One connection", "connections"),
		func(ctx context.Context, in *Keyed) (*one[stead.Connection], error) {
			return get[stead.Connection](ctx, s, store.Connections, in.Key)
		})
	handle(s, route("put-connection", http.MethodPut, "/v1/connections/{key}", "Create or replace a connection; disabling it is its kill switch", "connections"),
		func(ctx context.Context, in *struct {
			Keyed
			Wish
			Body stead.Connection
		}) (*changed, error) {
			c := in.Body
			c.Bundle = ""
			if err := agree("key", &c.Key, in.Key); err != nil {
				return nil, err
			}
			out, err := s.change(ctx, in.Wish, store.Connections, in.Key, govern.PutConnection{Connection: c})
			// Whoever may create it may look; a dry run stays quick.
			if err == nil && out.Body.Op == string(govern.Create) && !in.DryRun {
				if _, warning := govern.Glance(ctx, s.Crawler, c); warning != "" {
					out.Body.Warnings = append(out.Body.Warnings, warning)
				}
			}
			return out, err
		})
	handle(s, route("delete-connection", http.MethodDelete, "/v1/connections/{key}", "Delete a connection without data sources", "connections"),
		func(ctx context.Context, in *struct {
			Keyed
			Wish
		}) (*changed, error) {
			return s.change(ctx, in.Wish, store.Connections, in.Key, govern.DeleteConnection{Key: in.Key})
		})
	handle(s, route("crawl-connection", http.MethodPost, "/v1/connections/{key}/crawl", "Look at what a connection holds and what has changed; changes nothing", "connections"), s.crawl)
}

// Finding compares a table that was found with what is registered.
type Finding struct {
	Source  stead.DataSource `json:"source" doc:"What to put to register what was found"`
	Status  string           `json:"status" enum:"new,same,changed,gone,unreadable"`
	Changes []string         `json:"changes,omitempty"`
}

type findings struct {
	Body struct {
		Items []Finding `json:"items"`
	}
}

func (s *server) crawl(ctx context.Context, in *Keyed) (*findings, error) {
	found, err := s.look(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	out := &findings{}
	out.Body.Items = make([]Finding, len(found))
	for i, f := range found {
		out.Body.Items[i] = Finding{Source: f.Source, Status: string(f.Status), Changes: f.Changes}
	}
	return out, nil
}

func (s *server) look(ctx context.Context, connection string) ([]govern.Finding, error) {
	if s.Crawler == nil {
		return nil, stead.Errorf(stead.Unsupported, "this server cannot look at what connections hold").WithHint("declare the columns")
	}
	return s.Govern.Crawl(ctx, callerOf(ctx), s.Crawler, connection)
}
