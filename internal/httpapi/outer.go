package httpapi

import (
	"context"
	"net/http"
	"time"

	"stead"
	"stead/internal/audit"
)

// longest is how long a request may take: looking at a large connection and verifying a long log take their time. A stream goes on for as
// long as each piece of it is taken within stalled.
const (
	longest = 5 * time.Minute
	stalled = time.Minute
)

// outer is around every request: its id, headers, log line, and what a defect looks like.
func (s *server) outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		c := &call{id: audit.NewID(), address: host(r.RemoteAddr), agent: cut(r.UserAgent(), 200), conn: http.NewResponseController(w)}
		seen := &statusWriter{ResponseWriter: w}
		h := w.Header()
		h.Set("X-Request-Id", c.id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
		defer func() {
			if bad := recover(); bad != nil {
				s.Log.Error("a request met a defect", "request", c.id, "cause", bad)
				if seen.status != 0 {
					panic(http.ErrAbortHandler) // a half answer must not look like a whole one
				}
				writeProblem(seen, r, stead.Errorf(stead.Internal, "internal error").WithHint("the server's log has the cause"))
			}
			s.Log.Debug("request", "request", c.id, "method", r.Method, "path", r.URL.Path, "status", seen.status,
				"identity", int64(c.login.Actor.Identity), "address", c.address, "took", time.Since(began))
		}()
		next.ServeHTTP(seen, r)
	})
}

// logProblem tells the log what the caller is not told.
func (s *server) logProblem(c *call, p *Problem) {
	if p.Status >= http.StatusInternalServerError {
		s.Log.Error("a request failed", "request", c.id, "code", p.Code, "message", p.Detail, "cause", p.cause)
		return
	}
	s.Log.Debug("a request was refused", "request", c.id, "code", p.Code, "message", p.Detail, "cause", p.cause)
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func cut(s string, most int) string {
	if len(s) > most {
		return s[:most]
	}
	return s
}
