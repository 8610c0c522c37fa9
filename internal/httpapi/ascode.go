package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stead"
	"stead/internal/bundle"
	"stead/internal/govern"
	"stead/internal/store"
)

// AsCode is what a call of the as-code paths does or would do, by names.
type AsCode struct {
	DryRun   bool     `json:"dryRun"`
	Creating []string `json:"creating"`
	Updating []string `json:"updating"`
	Deleting []string `json:"deleting"`
	NoChange []string `json:"noChange"`
	// DetectionRunning is always false: nothing is detected in the background.
	DetectionRunning bool     `json:"detectionRunning"`
	TagsUpdated      bool     `json:"tagsUpdated"`
	Warnings         []string `json:"warnings,omitempty"`
}

type asCode struct{ Body AsCode }

// Payload is a body as code: YAML or JSON.
type Payload struct {
	DryRun    bool   `query:"dryRun" doc:"Say what would happen, and change nothing"`
	Wait      int    `query:"wait" minimum:"0" maximum:"3600" doc:"Taken, and not needed: the call returns when the change is made"`
	ReCertify bool   `query:"reCertify" doc:"Taken, and not needed: certifications are shown only"`
	RawBody   []byte `contentType:"application/yaml"`
}

func (s *server) asCodeRoutes() {
	handle(s, asCodeRoute("put-policy-v2", "/api/v2/policy", "Create or replace a policy from its payload"), s.policyAsCode)
	handle(s, route("delete-policy-v2", http.MethodDelete, "/api/v2/policy/{key}", "Delete a policy", "as code"),
		func(ctx context.Context, in *struct {
			Keyed
			DryRun bool `query:"dryRun"`
		}) (*asCode, error) {
			return s.edit(ctx, in.DryRun, govern.DeletePolicy{Key: in.Key})
		})
	handle(s, asCodeRoute("put-data-v2", "/api/v2/data", "Register the tables of a connection; those of the call before that are missing are deleted"), s.dataAsCode)
	handle(s, route("delete-data-v2", http.MethodDelete, "/api/v2/data/{key}", "Delete the data sources that were registered as code on a connection", "as code"), s.deleteData)
}

func asCodeRoute(id, path, summary string) huma.Operation {
	op := document(route(id, http.MethodPost, path, summary, "as code"), "application/yaml", "application/json")
	op.MaxBodyBytes, op.BodyReadTimeout = largeBody, time.Minute
	return op
}

func (s *server) policyAsCode(ctx context.Context, in *Payload) (*asCode, error) {
	b, err := bundle.ReadPolicy(in.RawBody)
	if err != nil {
		return nil, err
	}
	return s.applyAsCode(ctx, b, bundle.Options{Name: "api/v2/policy", DryRun: in.DryRun})
}

// dataBundle names what the as-code path registered on a connection.
func dataBundle(connection string) string { return "api/v2/data/" + connection }

func (s *server) dataAsCode(ctx context.Context, in *Payload) (*asCode, error) {
	b, err := bundle.ReadData(in.RawBody)
	if err != nil {
		return nil, err
	}
	if b.ConnectionKey() == "" {
		return nil, stead.Errorf(stead.Invalid, "names no data source").WithHint("to delete all, use DELETE /api/v2/data/{connectionKey}").
			At(stead.Place{Path: "sources"})
	}
	return s.applyAsCode(ctx, b, bundle.Options{Name: dataBundle(b.ConnectionKey()), DryRun: in.DryRun, Prune: true})
}

func (s *server) applyAsCode(ctx context.Context, b *bundle.Bundle, o bundle.Options) (*asCode, error) {
	p, err := b.Apply(ctx, s.Govern, callerOf(ctx), s.Crawler, o)
	if err != nil {
		return nil, err
	}
	out := newAsCode(o.DryRun)
	for _, e := range p.Edits {
		out.Body.add(e.Op, e.Key)
		out.Body.Warnings = append(out.Body.Warnings, e.Warnings...)
		for _, f := range e.Fields {
			out.Body.TagsUpdated = out.Body.TagsUpdated || isTags(f.Path)
		}
	}
	if !o.DryRun {
		s.settled(ctx, p.Revision)
	}
	return out, nil
}

func newAsCode(dryRun bool) *asCode {
	return &asCode{Body: AsCode{DryRun: dryRun, Creating: []string{}, Updating: []string{}, Deleting: []string{}, NoChange: []string{}}}
}

func (a *AsCode) add(op govern.Op, key string) {
	switch op {
	case govern.Create:
		a.Creating = append(a.Creating, key)
	case govern.Update:
		a.Updating = append(a.Updating, key)
	case govern.Delete:
		a.Deleting = append(a.Deleting, key)
	default:
		a.NoChange = append(a.NoChange, key)
	}
}

func (s *server) edit(ctx context.Context, dryRun bool, edits ...govern.Edit) (*asCode, error) {
	apply := s.Govern.Apply
	if dryRun {
		apply = s.Govern.Plan
	}
	r, err := apply(ctx, callerOf(ctx), edits...)
	if err != nil {
		return nil, err
	}
	out := newAsCode(dryRun)
	for _, o := range r.Outcomes {
		out.Body.add(o.Op, o.Key)
		out.Body.Warnings = append(out.Body.Warnings, o.Warnings...)
	}
	if !dryRun {
		s.settled(ctx, r.Revision)
	}
	return out, nil
}

func (s *server) deleteData(ctx context.Context, in *struct {
	Keyed
	DryRun bool `query:"dryRun"`
}) (*asCode, error) {
	var edits []govern.Edit
	for after := int64(0); ; {
		rows, err := s.Govern.List(ctx, callerOf(ctx), store.DataSources, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			after = row.ID
			d, err := store.Decode[stead.DataSource](row)
			if err != nil {
				return nil, err
			}
			if d.Connection == in.Key && d.Bundle == dataBundle(in.Key) {
				edits = append(edits, govern.DeleteSource{Object: d.Object()})
			}
		}
		if len(rows) < 1000 {
			break
		}
	}
	if len(edits) == 0 {
		return nil, stead.Errorf(stead.NotFound, "nothing that you may see was registered as code on this connection").WithHint("correct the connection's key")
	}
	return s.edit(ctx, in.DryRun, edits...)
}

// isTags reports whether a field of a data source is a list of tags or in one.
func isTags(path string) bool {
	return path == "tags" || strings.HasPrefix(path, "tags[") || strings.HasSuffix(path, ".tags") || strings.Contains(path, ".tags[")
}
