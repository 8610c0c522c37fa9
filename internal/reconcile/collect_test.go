package reconcile

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"stead"
	"stead/internal/audit"
	"stead/internal/decide"
	"stead/internal/push"
)

// logged is a platform that tells what it logged, and records that are kept.
type logged struct {
	platform
	batches []push.Batch
	reach   push.Reach
	records []stead.Record
	fail    error
	after   func() // once a batch was kept and before that is noted
}

func (l *logged) Close() error { return nil }

func (l *logged) Collect(ctx context.Context, keep func(context.Context, push.Batch) error) (push.Reach, error) {
	for len(l.batches) > 0 {
		if err := keep(ctx, l.batches[0]); err != nil {
			return push.Reach{}, err
		}
		if l.after != nil {
			l.batches[0].Again = true
			l.after()
			return push.Reach{}, stead.Errorf(stead.Unavailable, "gone before it was noted")
		}
		l.batches = l.batches[1:]
	}
	return l.reach, nil
}

func (l *logged) AppendBatch(_ context.Context, records []stead.Record) error {
	if l.fail != nil {
		return l.fail
	}
	l.records = append(l.records, records...)
	return nil
}

func (l *logged) Search(_ context.Context, f audit.Filter, _ int, _ string) (audit.Page, error) {
	var p audit.Page
	for i := range l.records {
		if r := &l.records[i]; !r.Time.Before(f.From) && r.Time.Before(f.To) && slices.Contains(f.Kinds, r.Kind) {
			p.Entries = append(p.Entries, audit.Entry{Record: r})
		}
	}
	return p, nil
}

func (l *logged) gathering(w *decide.World) *gathering {
	c := NewCollection(CollectOptions{World: func() (*decide.World, error) { return w, nil }, Audit: l,
		Open: func(context.Context, stead.Connection) (push.Platform, error) { return l, nil }})
	c.begin("hr")
	return &gathering{Collection: c, key: "hr", doubt: true}
}

func someBatch() push.Batch {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return push.Batch{Asked: []push.Asked{
		{ID: "pg-1", Query: "q1", Session: "1.a", Kind: push.AskedStatement, Time: at, Login: "svc", Identity: 4, Subject: 2, Name: "bim:bob", Basis: stead.ByImpersonation,
			Statement: "SELECT 1", Command: "READ SELECT", Relations: []push.Relation{{Path: []string{"hr_gov", "emp"}, Source: 1}, {Path: []string{"hr", "emp"}, Source: 1}, {Path: []string{"hr", "other"}}}},
		{ID: "pg-2", Query: "q2", Session: "1.a", Kind: push.AskedStatement, Time: at.Add(1), Login: "svc", Failed: "42501", Denied: true, Remarks: []string{"nobody: lost"}},
		{ID: "pg-3", Query: "q3", Session: "1.a", Kind: push.AskedStatement, Time: at.Add(2), Login: "svc", Failed: "22012"},
		{ID: "pg-4", Session: "1.a", Kind: push.AskedRefused, Time: at.Add(3), Login: "svc", Identity: 4},
		{ID: "pg-5", Session: "1.b", Kind: push.AskedForged, Time: at.Add(4), Login: "mallory"},
	}, Gaps: []push.Gap{{ID: "pg-6", Time: at.Add(5), What: "lines are missing", Lines: 3}}}
}

func TestCollectedRecords(t *testing.T) {
	l := &logged{batches: []push.Batch{someBatch()}, reach: push.Reach{From: "pgaudit", Behind: 7}}
	g := l.gathering(decide.New())
	if err := g.round(t.Context(), &stead.Connection{Key: "hr", Platform: stead.PostgreSQL}); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		kind   stead.RecordKind
		status stead.RecordStatus
		reason string
	}{{stead.QueryCollected, stead.Success, ""}, {stead.QueryCollected, stead.Unauthorized, "42501"}, {stead.QueryCollected, stead.Failure, "22012"},
		{stead.Impersonate, stead.Unauthorized, ""}, {stead.System, stead.Unauthorized, ""}, {stead.System, stead.Failure, ""}}
	if len(l.records) != len(want) {
		t.Fatalf("%+v", l.records)
	}
	for i, w := range want {
		if r := l.records[i]; r.Kind != w.kind || r.Status != w.status || !strings.Contains(r.Reason, w.reason) || r.Connection != "hr" {
			t.Errorf("%d: %+v", i, r)
		}
	}
	first := l.records[0]
	if first.Actor.Login != "svc" || first.Subject.Identity != 2 || first.Subject.Name != "bob" || first.Subject.IAM != "bim" || first.Basis != stead.ByImpersonation ||
		len(first.Targets) != 2 || first.Targets[0].Source != 1 || !strings.Contains(first.Details, "collected afterwards") {
		t.Errorf("%+v", first)
	}
	if l.records[1].Subject.Identity != 0 || l.records[5].Operation != "gap" || !strings.Contains(l.records[5].Details, "3 lines") {
		t.Errorf("%+v %+v", l.records[1], l.records[5])
	}
	st, ok := g.Status("hr")
	if !ok || st.From != "pgaudit" || st.Behind != 7 || st.Records != 6 || st.Gaps != 1 {
		t.Errorf("%+v", st)
	}
}

// What was kept and not noted is kept once.
func TestCollectedOnce(t *testing.T) {
	l := &logged{batches: []push.Batch{someBatch()}}
	l.after = func() { l.after = nil }
	c := &stead.Connection{Key: "hr", Platform: stead.PostgreSQL}
	if err := l.gathering(decide.New()).round(t.Context(), c); stead.CodeOf(err) != stead.Unavailable {
		t.Fatal(err)
	}
	if err := l.gathering(decide.New()).round(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if len(l.records) != 6 {
		t.Errorf("%d records", len(l.records))
	}
}

// What cannot be kept is not passed over.
func TestCollectedIsKeptOrComesAgain(t *testing.T) {
	l := &logged{batches: []push.Batch{someBatch()}, fail: errors.New("the disk is full")}
	g := l.gathering(decide.New())
	c := &stead.Connection{Key: "hr", Platform: stead.PostgreSQL}
	if err := g.round(t.Context(), c); !errors.Is(err, l.fail) || len(l.batches) != 1 {
		t.Fatal(err, len(l.batches))
	}
	l.fail = nil
	if err := g.round(t.Context(), c); err != nil || len(l.records) != 6 {
		t.Fatal(err, len(l.records))
	}
}
