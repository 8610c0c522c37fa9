package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stead"
	"stead/internal/bundle"
)

// BundleFile is one file of a bundle.
type BundleFile struct {
	Name string `json:"name" maxLength:"4096" doc:"For places in errors"`
	Text string `json:"text" doc:"YAML or JSON, one or many documents"`
}

// BundleRequest asks for a bundle to be applied.
type BundleRequest struct {
	Name      string            `json:"name,omitempty" doc:"Tells bundles apart; prune needs it"`
	Files     []BundleFile      `json:"files" minItems:"1" maxItems:"10000"`
	DryRun    bool              `json:"dryRun,omitempty" doc:"Make the same checks, and change nothing"`
	Prune     bool              `json:"prune,omitempty" doc:"Delete what a bundle of this name created and this one does not describe"`
	Variables map[string]string `json:"variables,omitempty" doc:"Values of ${NAME} in addresses and credentials of connections"`
}

// BundlePlan is what a bundle changed, or would change.
type BundlePlan struct {
	Bundle   string       `json:"bundle"`
	DryRun   bool         `json:"dryRun"`
	Edits    []BundleEdit `json:"edits" doc:"In the order in which they are made"`
	Text     string       `json:"text" doc:"The plan for people"`
	Revision int64        `json:"revision,omitempty"`
	Pending  bool         `json:"pending,omitempty" doc:"Stored, and not in effect on this server yet"`
}

// BundleEdit is what becomes of one thing.
type BundleEdit struct {
	Op       string        `json:"op" enum:"none,create,update,delete"`
	Noun     string        `json:"noun"`
	Key      string        `json:"key"`
	Place    string        `json:"place,omitempty" doc:"Of the document"`
	Fields   []BundleField `json:"fields,omitempty"`
	Widens   []string      `json:"widens,omitempty" doc:"Why it may give somebody more than before"`
	Warnings []string      `json:"warnings,omitempty"`
}

// BundleField is one value that differs.
type BundleField struct {
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

func (s *server) bundleRoutes() {
	handle(s, largeRoute("apply-bundle", "/v1/bundles:apply", "Make everything so as the documents say, or nothing"),
		func(ctx context.Context, in *struct{ Body BundleRequest }) (*planned, error) {
			return s.applyBundle(ctx, &in.Body)
		})
	handle(s, largeRoute("plan-bundle", "/v1/bundles:plan", "Say what applying the documents would change"),
		func(ctx context.Context, in *struct{ Body BundleRequest }) (*planned, error) {
			in.Body.DryRun = true
			return s.applyBundle(ctx, &in.Body)
		})
}

func largeRoute(id, path, summary string) huma.Operation {
	op := route(id, http.MethodPost, path, summary, "bundles")
	op.MaxBodyBytes, op.BodyReadTimeout = largeBody, time.Minute
	return op
}

type planned struct{ Body BundlePlan }

func (s *server) applyBundle(ctx context.Context, r *BundleRequest) (*planned, error) {
	files := make([]bundle.File, len(r.Files))
	for i, f := range r.Files {
		files[i] = bundle.File{Name: f.Name, Text: []byte(f.Text)}
	}
	b, err := bundle.Read(files, func(name string) (string, bool) {
		v, ok := r.Variables[name]
		return v, ok
	})
	if err != nil {
		return nil, err
	}
	p, err := b.Apply(ctx, s.Govern, callerOf(ctx), s.Crawler, bundle.Options{Name: r.Name, DryRun: r.DryRun, Prune: r.Prune})
	if err != nil {
		return nil, err
	}
	return &planned{Body: s.planOf(ctx, p)}, nil
}

func (s *server) planOf(ctx context.Context, p *bundle.Plan) BundlePlan {
	out := BundlePlan{Bundle: p.Bundle, DryRun: p.DryRun, Edits: make([]BundleEdit, len(p.Edits)), Text: p.Text(), Revision: int64(p.Revision)}
	for i, e := range p.Edits {
		out.Edits[i] = BundleEdit{Op: string(e.Op), Noun: string(e.Noun), Key: e.Key, Place: e.Place, Widens: e.Widens, Warnings: e.Warnings}
		for _, f := range e.Fields {
			out.Edits[i].Fields = append(out.Edits[i].Fields, BundleField(f))
		}
	}
	if !p.DryRun {
		out.Pending = !s.settled(ctx, stead.Revision(p.Revision))
	}
	return out
}
