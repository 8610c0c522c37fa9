package session

import (
	"context"
	"errors"
	"testing"
	"time"

	"stead"
)

func allowed() stead.Decision {
	return stead.Decision{
		Verdict: stead.Allow, Rows: stead.Residual{Extent: stead.Always}, Fingerprint: stead.Fingerprint{1},
		Source:  &stead.DataSource{ID: 4, Name: "hr"},
		Columns: []stead.ColumnDecision{{Name: "ssn", Access: stead.ColumnMasked, Kind: "hash"}, {Name: "dept", Access: stead.ColumnClear}},
	}
}

func begin(t *testing.T, b *bench) *Statement {
	t.Helper()
	s := open(t, b, b.login(bi))
	if err := s.Impersonate(ctx, "ana@example.com"); err != nil {
		t.Fatal(err)
	}
	st, err := s.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestIntentBeforeAnswerAndOutcomeAfter(t *testing.T) {
	b := newBench()
	b.world.decision = allowed()
	st := begin(t, b)
	d := st.Decide(stead.Object{Connection: "wh", Kind: stead.TableObject, Path: []string{"demo", "hr"}}, stead.Read)
	info := IntentInfo{Statement: "select ssn from demo.hr", Targets: []Target{{Decision: d, Columns: []string{"ssn"}}}}
	if err := st.Outcome(ctx, 1, nil); err == nil {
		t.Fatal("an outcome before the intent")
	}
	if err := st.Intent(ctx, info); err != nil {
		t.Fatal(err)
	}
	in := b.log.last()
	if in.Kind != stead.QueryIntent || in.Status != stead.Success || in.Actor.Identity != bi || in.Subject.Identity != ana ||
		in.Basis != stead.ByImpersonation || in.Statement == "" || in.QueryID == "" || in.Application != "psql" {
		t.Fatalf("intent %+v", in)
	}
	target := in.Targets[0]
	if target.SourceName != "hr" || target.MaskedColumns["ssn"] != "hash" || len(target.MaskedColumns) != 1 || target.RowRule != "always" || len(target.Fingerprint) != 64 {
		t.Errorf("target %+v", target)
	}
	if err := st.Intent(ctx, info); err == nil {
		t.Error("a second intent")
	}
	b.now = b.now.Add(time.Second)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := st.Outcome(canceled, 12, errors.New("value 'secret' is broken")); err != nil {
		t.Fatal(err)
	}
	out := b.log.last()
	if out.Kind != stead.QueryOutcome || out.QueryID != in.QueryID || out.ID == in.ID || out.Rows != 12 || out.Duration != time.Second ||
		out.Status != stead.Failure || out.Reason != "internal error" || out.Cause != "" {
		t.Errorf("outcome %+v", out)
	}
	if err := st.Outcome(ctx, 12, nil); err == nil {
		t.Error("a second outcome")
	}
}

// TestNoAnswerWithoutAnIntentRecord is promise 9.
func TestNoAnswerWithoutAnIntentRecord(t *testing.T) {
	b := newBench()
	st := begin(t, b)
	b.log.failing = true
	if err := st.Intent(ctx, IntentInfo{Statement: "select 1"}); stead.CodeOf(err) != stead.Unavailable {
		t.Fatalf("%v", err)
	}
	b.log.failing = false
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := st.Intent(canceled, IntentInfo{}); err == nil {
		t.Fatal("an intent that was not recorded passed")
	}
}

// TestDenyIsTheZeroValue is promise 1 where session passes decisions on.
func TestDenyIsTheZeroValue(t *testing.T) {
	b := newBench()
	st := begin(t, b)
	before := len(b.log.records)
	if err := st.Intent(ctx, IntentInfo{Targets: []Target{{}}}); err == nil {
		t.Fatal("the zero decision passed")
	}
	if len(b.log.records) != before+1 || b.log.last().Status == stead.Success {
		t.Fatalf("record %+v", b.log.last())
	}
	if err := st.Intent(ctx, IntentInfo{}); err == nil {
		t.Fatal("a refused statement went on")
	}
}

func TestDenialsAreRecordedWithTheirCause(t *testing.T) {
	b := newBench()
	b.world.decision = stead.Decision{
		Denial:  stead.Errorf(stead.NotFound, "no such table").WithCause(errors.New("not subscribed")),
		Reasons: []stead.Reason{{Effect: stead.Refused, Fact: "is not subscribed"}},
	}
	st := begin(t, b)
	d := st.Decide(stead.Object{Connection: "wh", Kind: stead.TableObject, Path: []string{"demo", "pay"}}, stead.Read)
	err := st.Refused(ctx, IntentInfo{Statement: "select * from demo.pay", Targets: []Target{{Decision: d}}}, d.Denial)
	if stead.CodeOf(err) != stead.NotFound {
		t.Fatal(err)
	}
	r := b.log.last()
	if r.Kind != stead.QueryIntent || r.Status != stead.Unauthorized || r.Reason != "no such table" || r.Cause != "not subscribed" ||
		r.Statement == "" || len(r.Targets[0].Reasons) != 1 || r.Targets[0].RowRule != "never" {
		t.Fatalf("record %+v", r)
	}
}

func TestSignInRefusedIsRecorded(t *testing.T) {
	b := newBench()
	wrong := stead.Errorf(stead.Unauthenticated, "wrong user name or secret")
	if err := b.SignInRefused(ctx, stead.Actor{Login: "eve", Method: "scram"}, onWh, wrong); err == nil {
		t.Fatal("no error")
	}
	if r := b.log.last(); r.Kind != stead.SignIn || r.Status != stead.Unauthorized || r.Actor.Login != "eve" || r.ClientAddr == "" {
		t.Fatalf("record %+v", r)
	}
}

func TestSuspendedAnswersEndWhenTheirDecisionChanges(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*bench, *Session)
		holds  bool
	}{
		"nothing":     {func(*bench, *Session) {}, true},
		"policy":      {func(b *bench, _ *Session) { b.world.decision.Fingerprint[0]++ }, false},
		"denied":      {func(b *bench, _ *Session) { b.world.decision.Verdict = stead.Deny }, false},
		"ended":       {func(_ *bench, s *Session) { _ = s.EndImpersonation(ctx) }, false},
		"disabled":    {func(b *bench, _ *Session) { b.world.identities[ana].Disabled = true }, false},
		"project":     {func(b *bench, _ *Session) { b.world.identities[ana].Project = "apollo" }, false},
		"fingerprint": {func(b *bench, _ *Session) { b.world.decision.Fingerprint = stead.Fingerprint{} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			b.world.decision = allowed()
			st := begin(t, b)
			d := st.Decide(stead.Object{Connection: "wh"}, stead.Read)
			c.change(b, st.session)
			if err := st.StillHolds(ctx, d); (err == nil) != c.holds {
				t.Errorf("%v", err)
			}
		})
	}
}
