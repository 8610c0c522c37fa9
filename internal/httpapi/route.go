package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

const (
	smallBody = 1 << 20
	largeBody = 32 << 20
)

// route describes an operation. Every operation needs a key unless it is opened by hand.
func route(id, method, path, summary, noun string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{noun},
		MaxBodyBytes: smallBody, BodyReadTimeout: 30 * time.Second, Security: []map[string][]string{{keyScheme: {}}},
		Metadata: map[string]any{}}
}

// opened is for what everybody may ask.
func opened(op huma.Operation) huma.Operation {
	op.Security, op.Metadata = []map[string][]string{}, map[string]any{open: true}
	return op
}

// document is for operations whose body is read by a reader of its own, of the content types given.
func document(op huma.Operation, types ...string) huma.Operation {
	op.SkipValidateBody = true
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	for _, t := range types {
		op.RequestBody.Content[t] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}
	}
	return op
}

// handle registers an operation: bounded in time, errors as problems.
func handle[I, O any](s *server, op huma.Operation, fn func(context.Context, *I) (*O, error)) {
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		c := callOf(ctx)
		// The body is read. A deadline that passes now would end the request as if the client had gone.
		if c.conn != nil {
			_ = c.conn.SetReadDeadline(time.Time{})
		}
		ctx, cancel := context.WithTimeout(ctx, longest)
		defer cancel()
		out, err := fn(ctx, in)
		if err == nil {
			return out, nil
		}
		p := problemOf(err)
		p.Request = c.id
		s.logProblem(c, p)
		return nil, p
	})
}

// page is how lists are cut.
type page struct {
	After int64 `query:"after" minimum:"0" doc:"Continue after this id: next of the page before"`
	Limit int   `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"At most so many"`
}

// listed is one page.
type listed[T any] struct {
	Body struct {
		Items []T `json:"items"`
		// Next continues the list; absent at its end.
		Next int64 `json:"next,omitempty"`
	}
}

// one is a document with the version that If-Match takes.
type one[T any] struct {
	ETag string `header:"ETag" doc:"The version, for If-Match"`
	Body T
}

// Wish is what every change takes.
type Wish struct {
	DryRun  bool   `query:"dryRun" doc:"Say what would happen, and change nothing"`
	IfMatch string `header:"If-Match" doc:"Refuse unless the document still has this version"`
}

// Change is what one change did, or would do.
type Change struct {
	Noun     string   `json:"noun"`
	Key      string   `json:"key"`
	ID       int64    `json:"id,omitempty"`
	Op       string   `json:"op" enum:"none,create,update,delete"`
	Widens   []string `json:"widens,omitempty" doc:"Why it may give somebody more than before"`
	Warnings []string `json:"warnings,omitempty"`
	DryRun   bool     `json:"dryRun,omitempty"`
	Revision int64    `json:"revision,omitempty" doc:"The revision that holds it"`
	// Pending says that the change is stored, and not in effect on this server yet.
	Pending bool `json:"pending,omitempty"`
}

type changed struct{ Body Change }

// version is the tag of a row.
func version(r store.Row) string { return `"` + strconv.FormatInt(int64(r.Revision), 10) + `"` }

// change makes one edit, after making sure that the document is the one that the caller has read.
func (s *server) change(ctx context.Context, w Wish, noun store.Noun, key string, e govern.Edit) (*changed, error) {
	edits := []govern.Edit{e}
	if w.IfMatch != "" {
		revision, err := strconv.ParseInt(strings.Trim(w.IfMatch, `"`), 10, 64)
		if err != nil {
			return nil, stead.Errorf(stead.Invalid, "If-Match is not a version that stead gave").At(stead.Place{Path: "header.If-Match"})
		}
		edits = []govern.Edit{govern.Unchanged{Noun: noun, Key: key, Revision: stead.Revision(revision)}, e}
	}
	apply := s.Govern.Apply
	if w.DryRun {
		apply = s.Govern.Plan
	}
	r, err := apply(ctx, callerOf(ctx), edits...)
	if err != nil {
		if w.IfMatch != "" && stead.CodeOf(err) == stead.Conflict && firstFailed(err) {
			p := problemOf(err)
			p.Status, p.Title = http.StatusPreconditionFailed, http.StatusText(http.StatusPreconditionFailed)
			return nil, p
		}
		return nil, err
	}
	o := r.Outcomes[len(r.Outcomes)-1]
	out := &changed{Body: Change{Noun: string(o.Noun), Key: o.Key, ID: o.ID, Op: string(o.Op), Widens: o.Widens,
		Warnings: o.Warnings, DryRun: w.DryRun}}
	if !w.DryRun {
		out.Body.Revision, out.Body.Pending = int64(r.Revision), !s.settled(ctx, r.Revision)
	}
	return out, nil
}

func firstFailed(err error) bool {
	var e *govern.EditError
	return errors.As(err, &e) && e.Index == 0
}

// settled waits until this server decides by the revision, for a while.
func (s *server) settled(ctx context.Context, r stead.Revision) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return s.WaitFor(ctx, r) == nil
}

// get reads one document.
func get[T any](ctx context.Context, s *server, noun store.Noun, key string) (*one[T], error) {
	row, err := s.Govern.Get(ctx, callerOf(ctx), noun, key)
	if err != nil {
		return nil, err
	}
	doc, err := store.Decode[T](row)
	if err != nil {
		return nil, err
	}
	return &one[T]{ETag: version(row), Body: *doc}, nil
}

// list reads one page of documents.
func list[T any](ctx context.Context, s *server, noun store.Noun, p page) (*listed[T], error) {
	return listWith(ctx, s, noun, p, store.Decode[T])
}

func listWith[T any](ctx context.Context, s *server, noun store.Noun, p page, decode func(store.Row) (*T, error)) (*listed[T], error) {
	rows, err := s.Govern.List(ctx, callerOf(ctx), noun, p.After, p.Limit)
	if err != nil {
		return nil, err
	}
	out := &listed[T]{}
	out.Body.Items = make([]T, 0, len(rows))
	for _, row := range rows {
		doc, err := decode(row)
		if err != nil {
			return nil, err
		}
		out.Body.Items = append(out.Body.Items, *doc)
	}
	if len(rows) > 0 && len(rows) == p.Limit {
		out.Body.Next = rows[len(rows)-1].ID
	}
	return out, nil
}

// agree refuses a document that names another thing than the path does, and fills in what it leaves out.
func agree(member string, inBody *string, inPath string) error {
	if *inBody == "" {
		*inBody = inPath
	}
	if *inBody != inPath {
		return stead.Errorf(stead.Invalid, "%q is not what the path names", cut(*inBody, 100)).
			WithHint("leave it out, or correct one of the two").At(stead.Place{Path: member})
	}
	return nil
}
