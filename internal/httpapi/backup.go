package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"stead"
)

func (s *server) backupRoutes() {
	op := route("backup", http.MethodPost, "/v1/backup", "A consistent copy of the store, which holds verifiers of passwords and keys", "operations")
	op.Responses = map[string]*huma.Response{"200": {Description: "The backup", Content: map[string]*huma.MediaType{
		"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}}
	handle(s, op, s.backup)
}

// backup checks the permission before the answer begins; what fails later ends it so that nobody takes it for whole.
func (s *server) backup(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	if err := s.Govern.Authorize(ctx, callerOf(ctx), "back up the store", stead.ApplicationAdmin); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		out.SetHeader("Content-Type", "application/octet-stream")
		w := &patient{w: out.BodyWriter(), conn: callOf(ctx).conn}
		if err := s.Govern.Backup(out.Context(), callerOf(ctx), w); err != nil {
			s.Log.Error("a backup ended early", "request", callOf(ctx).id, "cause", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}
