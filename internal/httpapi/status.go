package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"stead"
	"stead/internal/reconcile"
)

// Status is how the server is.
type Status struct {
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	Ready    bool      `json:"ready"`
	Revision int64     `json:"revision" doc:"That decisions are made from"`
	StoreAge int64     `json:"storeAgeMs" doc:"How long ago the store last answered"`
	Behind   bool      `json:"behind,omitempty" doc:"The store has changes that are not in effect yet"`
	// Gateway is where SQL clients connect; a host that is unspecified is the one of this API.
	Gateway   string   `json:"gateway,omitempty" doc:"Where SQL clients connect, as the server listens"`
	Namespace string   `json:"namespace,omitempty" doc:"Prefix of stead's settings in SQL"`
	Problems  []string `json:"problems,omitempty"`
	// Audit and Connections are for administrators, governors and auditors.
	Audit       *AuditStatus       `json:"audit,omitempty"`
	Connections []ConnectionStatus `json:"connections,omitempty"`
}

// AuditStatus is how the audit log is.
type AuditStatus struct {
	Head     string `json:"head"`
	Unsigned int64  `json:"unsigned"`
	Segments int    `json:"segments"`
	Open     int    `json:"openQueries" doc:"Queries of the last day without an outcome yet"`
}

// ConnectionStatus is how one connection is.
type ConnectionStatus struct {
	Key      string          `json:"key"`
	Platform stead.Platform  `json:"platform"`
	Disabled bool            `json:"disabled,omitempty"`
	Sources  int             `json:"sources"`
	Current  bool            `json:"current"`
	Problem  string          `json:"problem,omitempty" doc:"Why its data cannot be read at all"`
	Waiting  []WaitingSource `json:"waiting,omitempty" doc:"Data sources that are not served"`
	Push     *PlatformStatus `json:"push,omitempty" doc:"Where the platform stands, when policies are pushed there"`
}

// WaitingSource is a data source that is not served.
type WaitingSource struct {
	Path   []string          `json:"path"`
	State  stead.SourceState `json:"state"`
	Reason string            `json:"reason,omitempty"`
}

type words struct {
	Body struct {
		Status  string `json:"status"`
		Version string `json:"version,omitempty"`
	}
}

func (s *server) statusRoutes() {
	handle(s, opened(route("health", http.MethodGet, "/healthz", "Whether the process answers", "operations")),
		func(context.Context, *struct{}) (*words, error) { return word("ok", ""), nil })
	handle(s, opened(route("ready", http.MethodGet, "/readyz", "Whether questions are answered", "operations")),
		func(context.Context, *struct{}) (*words, error) {
			if _, err := s.World(); err != nil {
				return nil, err
			}
			if s.Audit.Status().Err != nil {
				return nil, stead.Errorf(stead.Unavailable, "the audit log cannot take records").WithCause(s.Audit.Status().Err)
			}
			return word("ready", ""), nil
		})
	handle(s, opened(route("version", http.MethodGet, "/v1/version", "The version of the server", "operations")),
		func(context.Context, *struct{}) (*words, error) { return word("ok", s.Version), nil })
	handle(s, route("status", http.MethodGet, "/v1/status", "How the server and its connections are", "operations"), s.status)
	s.metricsRoute()
}

func word(status, version string) *words {
	out := &words{}
	out.Body.Status, out.Body.Version = status, version
	return out
}

func (s *server) metricsRoute() {
	op := route("metrics", http.MethodGet, "/metrics", "Metrics for Prometheus", "operations")
	op.Responses = map[string]*huma.Response{"200": {Description: "Prometheus text", Content: map[string]*huma.MediaType{
		"text/plain": {Schema: &huma.Schema{Type: "string"}}}}}
	handle(s, op, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		if s.Metrics == nil {
			return nil, stead.Errorf(stead.NotFound, "this server has no metrics")
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humago.Unwrap(ctx)
			s.Metrics.ServeHTTP(w, r)
		}}, nil
	})
}

func (s *server) status(ctx context.Context, _ *struct{}) (*struct{ Body Status }, error) {
	now := s.Current()
	log := s.Audit.Status()
	out := Status{Version: s.Version, Started: s.started.UTC(), Revision: int64(now.Revision), StoreAge: now.Age.Milliseconds(), Behind: now.Behind}
	if s.Gateway != nil {
		out.Gateway, out.Namespace = s.Gateway()
	}
	w, err := s.World()
	if err != nil {
		out.Problems = append(out.Problems, stead.AsError(err).Message)
	} else if now.Err != nil {
		out.Problems = append(out.Problems, "the store could not be followed; the world is as of the revision")
	}
	if log.Err != nil {
		out.Problems = append(out.Problems, "the audit log cannot take records, so nothing is answered")
	}
	out.Ready = err == nil && log.Err == nil
	if err != nil {
		return &struct{ Body Status }{out}, nil
	}
	who, _ := w.Identity(callerOf(ctx).Actor.Identity)
	if !who.Holds(stead.ApplicationAdmin) && !who.Holds(stead.Governance) && !who.Holds(stead.AuditPermission) {
		return &struct{ Body Status }{out}, nil
	}
	unclosed, failed := s.Audit.Unclosed(ctx, s.Now().Add(-24*time.Hour), time.Time{})
	if failed != nil {
		return nil, failed
	}
	out.Audit = &AuditStatus{Head: log.Head.String(), Unsigned: log.Unsigned, Segments: log.Segments, Open: len(unclosed)}
	for _, c := range w.Connections() {
		out.Connections = append(out.Connections, s.connectionStatus(c, w.Sources(c.Key)))
	}
	return &struct{ Body Status }{out}, nil
}

func (s *server) connectionStatus(c *stead.Connection, sources []*stead.DataSource) ConnectionStatus {
	out := ConnectionStatus{Key: c.Key, Platform: c.Platform, Disabled: c.Disabled, Sources: len(sources)}
	for _, d := range sources {
		if d.State != stead.Active {
			out.Waiting = append(out.Waiting, WaitingSource{Path: d.Path, State: d.State, Reason: d.Reason})
		}
	}
	if s.Unreachable != nil {
		out.Problem = s.Unreachable(c)
	}
	out.Current = !c.Disabled && out.Problem == "" && len(out.Waiting) == 0
	if reconcile.Pushed(c.Platform) {
		s.pushStatus(&out)
	}
	return out
}

// pushStatus adds where the platform stands. What is not known is not current.
func (s *server) pushStatus(out *ConnectionStatus) {
	var st reconcile.Status
	known := s.Platforms != nil
	if known {
		st, known = s.Platforms.Status(out.Key)
	}
	if !known {
		out.Current, out.Problem = false, "its platform is not looked after by this server yet"
		return
	}
	push := statusOfPlatform(st, s.sourcePaths(out.Key))
	out.Push, out.Current = &push, out.Current && push.Current && len(push.Drift) == 0
}
