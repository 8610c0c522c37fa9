package audit

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"stead"
)

// Format is the form of an export. The zero Format is refused.
type Format string

// The formats: JSON lines, oldest first.
const (
	// Records writes each record with its place in the chain.
	Records Format = "records"
	// Legacy writes one query record for each data source a query touched, in the older shape.
	Legacy Format = "legacy"
)

// Export writes what the filter selects to w.
func (l *Log) Export(ctx context.Context, w io.Writer, f Filter, format Format) error {
	out := bufio.NewWriterSize(w, 256<<10)
	enc := json.NewEncoder(out)
	var each func(*Entry) error
	finish := func() error { return nil }
	switch format {
	case Records:
		each = func(e *Entry) error { return enc.Encode(e) }
	case Legacy:
		x := &legacyExport{enc: enc, open: map[string]*stead.Record{}}
		each, finish = x.entry, x.finish
		f.Kinds = []stead.RecordKind{stead.QueryIntent, stead.QueryOutcome, stead.QueryCollected}
	default:
		return stead.Errorf(stead.Invalid, "the export format %q is unknown", format).WithHint(`use "records" or "legacy"`)
	}
	bad, err := l.each(ctx, &f, each)
	if err == nil {
		err = finish()
	}
	if err == nil {
		err = out.Flush()
	}
	if err == nil && bad > 0 {
		return stead.Errorf(stead.Conflict, "%d entries of the audit log cannot be read and were left out", bad).
			WithHint("run stead audit verify")
	}
	return err
}

// legacyRecord is one query of one data source.
type legacyRecord struct {
	ID                  string      `json:"id"`
	DateTime            string      `json:"dateTime"` // milliseconds since 1970
	Month               int         `json:"month"`
	ProfileID           int64       `json:"profileId"`
	UserID              string      `json:"userId"` // in whose stead
	DataSourceID        int64       `json:"dataSourceId,omitempty"`
	DataSourceName      string      `json:"dataSourceName,omitempty"`
	ProjectName         string      `json:"projectName,omitempty"`
	PurposeIDs          []string    `json:"purposeIds,omitempty"`
	Count               int         `json:"count"`
	RecordType          string      `json:"recordType"`
	Success             bool        `json:"success"`
	FailureReason       string      `json:"failureReason,omitempty"`
	Component           string      `json:"component"`
	AccessType          string      `json:"accessType"`
	Query               string      `json:"query"`
	Extra               legacyExtra `json:"extra"`
	DataSourceTableName string      `json:"dataSourceTableName,omitempty"`
	CreatedAt           string      `json:"createdAt"`
	UpdatedAt           string      `json:"updatedAt"`
}

type legacyExtra struct {
	MaskedColumns   map[string]string `json:"maskedColumns"`
	MetastoreTables []string          `json:"metastoreTables"`
	ClusterName     string            `json:"clusterName,omitempty"`
	QueryText       string            `json:"queryText"`
	QueryLanguage   string            `json:"queryLanguage"`
	// ImpersonationUser is who asked in the other's stead.
	ImpersonationUser string `json:"impersonationUser,omitempty"`
}

// legacyExport joins intents with their outcomes; one without an outcome comes at the end.
type legacyExport struct {
	enc  *json.Encoder
	open map[string]*stead.Record
}

func (x *legacyExport) entry(e *Entry) error {
	r := e.Record
	if r.Kind == stead.QueryCollected {
		return x.write(r, r)
	}
	if r.Kind == stead.QueryIntent {
		if opens(r) {
			x.open[r.QueryID] = r
			return nil
		}
		return x.write(r, r)
	}
	intent, ok := x.open[r.QueryID]
	if !ok {
		return nil // its intent is not selected
	}
	delete(x.open, r.QueryID)
	return x.write(intent, r)
}

func (x *legacyExport) finish() error {
	for _, r := range sorted(x.open) {
		outcome := r
		outcome.Status, outcome.Reason = stead.Failure, "no outcome was recorded"
		if err := x.write(&r, &outcome); err != nil {
			return err
		}
	}
	return nil
}

func (x *legacyExport) write(intent, outcome *stead.Record) error {
	targets := intent.Targets
	if len(targets) == 0 {
		targets = []stead.RecordTarget{{}}
	}
	for i := range targets {
		if err := x.enc.Encode(legacy(intent, outcome, i, &targets[i])); err != nil {
			return err
		}
	}
	return nil
}

func legacy(intent, outcome *stead.Record, n int, t *stead.RecordTarget) legacyRecord {
	r := legacyRecord{
		ID: "query-" + intent.ID + "-" + strconv.Itoa(n), DateTime: strconv.FormatInt(intent.Time.UnixMilli(), 10), Month: month(intent.Time),
		ProfileID: int64(intent.Subject.Identity), UserID: intent.Subject.Name,
		DataSourceID: int64(t.Source), DataSourceName: t.SourceName, ProjectName: intent.Project, PurposeIDs: intent.Purposes,
		Count: 1, RecordType: "query", Success: outcome.Status == stead.Success, FailureReason: outcome.Reason,
		Component: "dataSource", AccessType: "query", Query: intent.Statement,
		Extra: legacyExtra{MaskedColumns: t.MaskedColumns, MetastoreTables: []string{}, ClusterName: intent.Connection,
			QueryText: intent.Statement, QueryLanguage: "sql"},
		DataSourceTableName: strings.Join(t.Object.Path, "_"),
		CreatedAt:           millis(intent.Time), UpdatedAt: millis(outcome.Time),
	}
	if r.Extra.MaskedColumns == nil {
		r.Extra.MaskedColumns = map[string]string{}
	}
	if len(t.Object.Path) > 0 {
		r.Extra.MetastoreTables = append(r.Extra.MetastoreTables, strings.Join(t.Object.Path, "."))
	}
	if intent.Basis == stead.ByImpersonation || intent.Basis == stead.ByLease {
		r.Extra.ImpersonationUser = intent.Actor.Name
		if r.Extra.ImpersonationUser == "" {
			r.Extra.ImpersonationUser = intent.Actor.Login
		}
	}
	return r
}

// month counts from January 1900, which is 0.
func month(t time.Time) int {
	t = t.UTC()
	return (t.Year()-1900)*12 + int(t.Month()) - 1
}

func millis(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
