package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stead"
	"stead/internal/audit"
)

// Selection chooses records.
type Selection struct {
	From       time.Time            `query:"from" doc:"Not before"`
	To         time.Time            `query:"to" doc:"Before"`
	Actor      string               `query:"actor" doc:"Who asked: user name or login"`
	Subject    string               `query:"subject" doc:"In whose stead: user name"`
	Source     string               `query:"source" doc:"Data source: number, name, schema.table or connection:schema.table"`
	Connection string               `query:"connection"`
	QueryID    string               `query:"queryId"`
	Kinds      []stead.RecordKind   `query:"kind" enum:"query-intent,query-outcome,query-collected,sign-in,impersonation,change,access,system" doc:"Kinds of record, joined by commas"`
	Statuses   []stead.RecordStatus `query:"status" enum:"SUCCESS,FAILURE,UNAUTHORIZED" doc:"Statuses, joined by commas"`
	Text       string               `query:"text" maxLength:"1000" doc:"Looked for in statements, reasons and names"`
}

func (q *Selection) filter() audit.Filter {
	return audit.Filter{From: q.From, To: q.To, Actor: q.Actor, Subject: q.Subject, Source: q.Source, Connection: q.Connection,
		QueryID: q.QueryID, Kinds: q.Kinds, Statuses: q.Statuses, Text: q.Text}
}

// Entry is one record with its place in the chain.
type Entry struct {
	Writer string        `json:"writer"`
	Seq    int64         `json:"seq"`
	Hash   string        `json:"hash"`
	Record *stead.Record `json:"record"`
}

func (s *server) auditRoutes() {
	handle(s, route("search-audit", http.MethodGet, "/v1/audit/records", "Search the audit log, newest first; owners find what touched their data", "audit"), s.searchAudit)
	handle(s, route("verify-audit", http.MethodPost, "/v1/audit/verify", "Verify the chains of the audit log", "audit"), s.verifyAudit)
	export := route("export-audit", http.MethodGet, "/v1/audit/export", "Export the audit log as JSON lines, oldest first", "audit")
	export.Responses = map[string]*huma.Response{"200": {Description: "JSON lines", Content: map[string]*huma.MediaType{
		"application/x-ndjson": {Schema: &huma.Schema{Type: "string"}}}}}
	handle(s, export, s.exportAudit)
}

type foundRecords struct {
	Body struct {
		Items []Entry `json:"items"`
		Next  string  `json:"next,omitempty" doc:"Give it as cursor to continue"`
		// Damaged is how many lines could not be read; verify says which.
		Damaged int `json:"damaged,omitempty"`
	}
}

func (s *server) searchAudit(ctx context.Context, in *struct {
	Selection
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" maxLength:"4096" doc:"next of the page before"`
}) (*foundRecords, error) {
	f := in.filter()
	if err := s.mayAudit(ctx, "search the audit log", &f, true); err != nil {
		return nil, err
	}
	p, err := s.Audit.Search(ctx, f, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &foundRecords{}
	out.Body.Items, out.Body.Next, out.Body.Damaged = make([]Entry, len(p.Entries)), p.Next, p.Damaged
	for i, e := range p.Entries {
		out.Body.Items[i] = Entry{Writer: e.Writer, Seq: e.Seq, Hash: e.Hash.String(), Record: e.Record}
	}
	return out, nil
}

// mayAudit lets AUDIT see everything, owners what touched their data if they may at all, and records that somebody looked.
func (s *server) mayAudit(ctx context.Context, what string, f *audit.Filter, owners bool) error {
	r := s.inquiry(ctx, "audit", what)
	err := s.Govern.Authorize(ctx, callerOf(ctx), what, stead.AuditPermission)
	if err != nil && owners && stead.CodeOf(err) == stead.Denied {
		own, failed := s.owned(ctx)
		if failed != nil {
			return failed
		}
		if len(own) > 0 {
			f.Sources, err = own, nil
			r.Details = "what touched their own data"
		}
	}
	if err != nil {
		return s.inquiryRefused(ctx, r, err)
	}
	return s.Audit.Append(ctx, r)
}

// owned lists the data sources that the caller owns.
func (s *server) owned(ctx context.Context) ([]stead.SourceID, error) {
	w, err := s.World()
	if err != nil {
		return nil, err
	}
	var out []stead.SourceID
	for _, c := range w.Connections() {
		for _, d := range w.Sources(c.Key) {
			if w.IsMember(d.Owners, callerOf(ctx).Actor.Identity) {
				out = append(out, d.ID)
			}
		}
	}
	return out, nil
}

// Report is what verifying found.
type Report struct {
	OK       bool          `json:"ok"`
	Writers  []Chain       `json:"writers"`
	Problems []AuditDamage `json:"problems,omitempty"`
}

// Chain is one writer's chain.
type Chain struct {
	Head        string `json:"head" doc:"Keep it elsewhere, and give it to the next verification"`
	First       int64  `json:"first"`
	Records     int64  `json:"records"`
	Checkpoints int64  `json:"checkpoints"`
	Unsigned    int64  `json:"unsigned" doc:"Entries behind the last checkpoint"`
	Removed     int64  `json:"removed,omitempty" doc:"Number of the last entry that retention removed"`
	Unfinished  int64  `json:"unfinished,omitempty"`
}

// AuditDamage is one thing that is wrong with a chain.
type AuditDamage struct {
	Writer  string `json:"writer"`
	Segment string `json:"segment,omitempty"`
	Seq     int64  `json:"seq,omitempty"`
	Kind    string `json:"kind"`
	Text    string `json:"text"`
}

func (s *server) verifyAudit(ctx context.Context, in *struct {
	Body struct {
		Heads []string `json:"heads,omitempty" maxItems:"100" doc:"Ends of chains that were kept elsewhere"`
	}
}) (*struct{ Body Report }, error) {
	if err := s.mayAudit(ctx, "verify the audit log", nil, false); err != nil {
		return nil, err
	}
	var heads []audit.Head
	for _, text := range in.Body.Heads {
		h, err := audit.ParseHead(text)
		if err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	r, err := audit.Verify(ctx, s.AuditDir, s.AuditKeys, heads...)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Report }{reportOf(r)}, nil
}

func reportOf(r *audit.Report) Report {
	out := Report{OK: r.OK(), Writers: make([]Chain, len(r.Writers))}
	for i, w := range r.Writers {
		out.Writers[i] = Chain{Head: w.Head.String(), First: w.First, Records: w.Records, Checkpoints: w.Checkpoints,
			Unsigned: w.Unsigned, Removed: w.Removed, Unfinished: w.Unfinished}
	}
	for _, p := range r.Problems {
		out.Problems = append(out.Problems, AuditDamage(p))
	}
	return out
}

func (s *server) exportAudit(ctx context.Context, in *struct {
	Selection
	Format audit.Format `query:"format" enum:"records,legacy" default:"records" doc:"legacy writes one query record for each data source, in the older shape"`
}) (*huma.StreamResponse, error) {
	f := in.filter()
	if err := s.mayAudit(ctx, "export the audit log", &f, false); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		out.SetHeader("Content-Type", "application/x-ndjson")
		w := &patient{w: out.BodyWriter(), conn: callOf(ctx).conn}
		if err := s.Audit.Export(out.Context(), w, f, in.Format); err != nil {
			s.Log.Error("an export ended early", "request", callOf(ctx).id, "cause", err)
			panic(http.ErrAbortHandler) // the client must not take it for the whole
		}
	}}, nil
}

// patient gives every write its own time, so that a long stream goes on as long as somebody reads.
type patient struct {
	w    io.Writer
	conn *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	if p.conn != nil {
		_ = p.conn.SetWriteDeadline(time.Now().Add(stalled)) // a writer without deadlines has none to pass
	}
	return p.w.Write(b)
}
