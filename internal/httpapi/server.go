// Package httpapi is the HTTP API: the use cases of govern, decisions, explanations and the audit log under /v1,
// the as-code paths under /api/v2, health and metrics. It has no rule of its own.
package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"stead"
	"stead/internal/audit"
	"stead/internal/decide"
	"stead/internal/govern"
	"stead/internal/keys"
	"stead/internal/session"
	"stead/internal/snapshot"
)

// Config is what the API needs. Crawler and Metrics may be nil: then nothing can be crawled, and there are no metrics.
// Log is slog's default when nil; all others are required.
type Config struct {
	Govern   *govern.Service
	SignIn   session.SignIn
	Sessions *session.Service
	// World returns the current world, or an error when it is too old to serve.
	World func() (*decide.World, error)
	// WaitFor returns when the world has the revision, or with an error when ctx ends first.
	WaitFor func(ctx context.Context, revision stead.Revision) error
	// Current tells how current the world is.
	Current func() snapshot.Status
	Audit   *audit.Log
	// AuditDir and AuditKeys are what verifying the log reads.
	AuditDir  string
	AuditKeys audit.PublicKeys
	Crawler   govern.Crawler
	// Platforms keeps platforms where policies are pushed; nil when there are none.
	Platforms Platforms
	// Credentials keeps secrets of connections; nil when none are taken over the API.
	Credentials keys.Credentials
	// Gateway tells where SQL clients connect and the prefix of stead's settings there; nil when there is none.
	Gateway func() (address, namespace string)
	// Unreachable says why a connection's data cannot be read at all, "" when it can; nil when nobody looks.
	Unreachable func(*stead.Connection) string
	Metrics     http.Handler
	Now         func() time.Time
	Version     string
	Log         *slog.Logger
}

// server answers requests.
type server struct {
	Config
	api      huma.API
	failures *failures
	logins   *logins
	started  time.Time
}

// New returns the handler of the whole API.
func New(c Config) (http.Handler, error) {
	s, mux, err := build(c)
	if err != nil {
		return nil, err
	}
	return s.outer(mux), nil
}

// Document is the OpenAPI 3.1 description of the API as JSON.
func Document(version string) ([]byte, error) {
	s := &server{Config: Config{Version: version}}
	s.routes(http.NewServeMux())
	return s.api.OpenAPI().MarshalJSON()
}

func build(c Config) (*server, *http.ServeMux, error) {
	if c.Govern == nil || c.SignIn == nil || c.Sessions == nil || c.World == nil || c.WaitFor == nil || c.Current == nil ||
		c.Audit == nil || c.AuditKeys == nil || c.AuditDir == "" || c.Now == nil {
		return nil, nil, errors.New("httpapi: the configuration is not complete")
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	s := &server{Config: c, failures: newFailures(c.Now), logins: newLogins(), started: c.Now()}
	mux := http.NewServeMux()
	s.routes(mux)
	mux.HandleFunc("/", s.nowhere)
	return s, mux, nil
}

func (s *server) routes(mux *http.ServeMux) {
	c := huma.DefaultConfig("stead", s.Version)
	c.Info.Description = "Data access in somebody's stead: people, policies, decisions and the audit log."
	c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", nil // no page that loads scripts, no links in answers
	c.RejectUnknownQueryParameters = true
	c.Formats = map[string]huma.Format{"application/json": strictJSON(), "json": strictJSON()}
	c.Transformers = []huma.Transformer{ownProblem}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		keyScheme: {Type: "http", Scheme: "bearer", Description: "An API key of a user or agent."},
	}
	c.OnAddOperation = append(c.OnAddOperation, documentProblem)
	s.api = humago.New(mux, c)
	s.api.UseMiddleware(s.authenticate)
	describe(s.api.OpenAPI().Components.Schemas)
	for _, room := range []func(){s.identityRoutes, s.keyRoutes, s.groupRoutes, s.connectionRoutes, s.platformRoutes, s.credentialRoutes, s.sourceRoutes,
		s.policyRoutes, s.purposeRoutes, s.projectRoutes, s.subscriptionRoutes, s.settingRoutes,
		s.bundleRoutes, s.asCodeRoutes,
		s.decisionRoutes, s.auditRoutes, s.backupRoutes, s.statusRoutes} {
		room()
	}
}

// nowhere answers what no route matches.
func (s *server) nowhere(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, r, stead.Errorf(stead.NotFound, "there is nothing at this path, or not for this method").
		WithHint("see /openapi.json"))
}
