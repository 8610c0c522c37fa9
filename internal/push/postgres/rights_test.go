package postgres

import (
	"slices"
	"strings"
	"testing"

	"stead"
	"stead/internal/push"
)

// What making our own objects would fail for is found before anything is tried, with the statements that help.
func TestWithoutRights(t *testing.T) {
	s := newSite(t, nil, "CREATE ROLE svc LOGIN IN ROLE hr_owner; CREATE ROLE immuta_governed NOLOGIN")
	_ = s.p.Close()
	cfg := s.p.cfg
	cfg.Address = s.server.DSN("svc", "postgres")
	p, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	s.p = p
	st := hrWorld().state(s)
	plan := s.plan(st, nil)
	hints := map[string]bool{}
	for _, problem := range plan.Problems {
		if problem.Blocking && problem.Source == 0 {
			hints[problem.Hint] = true
		}
	}
	helps := []string{`GRANT CREATE ON DATABASE "postgres" TO "svc"`, `ALTER ROLE "svc" CREATEROLE`}
	for _, hint := range helps {
		if !hints[hint] {
			t.Errorf("%s is not said: %+v", hint, plan.Problems)
		}
	}
	if len(plan.Steps) > 0 {
		t.Error("a plan that is not applied has steps")
	}
	if err := p.Apply(t.Context(), plan, nil); stead.CodeOf(err) != stead.Conflict {
		t.Error(err)
	}
	if !strings.Contains(p.Script(plan), "CREATE SCHEMA") {
		t.Error("nobody who has the rights could run the script")
	}
	s.exec(strings.Join(helps, ";"))
	if plan := s.plan(st, nil); slices.ContainsFunc(plan.Problems, func(x push.Problem) bool { return x.Blocking }) {
		t.Errorf("%+v", plan.Problems)
	}
	s.apply(st, nil)
	s.exec("ALTER ROLE svc NOCREATEROLE; REVOKE CREATE ON DATABASE postgres FROM svc")
	if plan := s.plan(st, nil); len(plan.Steps) > 0 || stopped(plan) {
		t.Errorf("what stands needs no rights: %+v", plan)
	}
}

// Who governs a database from elsewhere is not planned against.
func TestPlanOfAnothersDatabaseHasNoSteps(t *testing.T) {
	s := newSite(t, nil, "")
	w := hrWorld()
	s.apply(w.state(s), nil)
	s.p.cfg.Instance = "two"
	w.sources = nil
	plan := s.plan(w.state(s), nil)
	if len(plan.Steps) > 0 || !stopped(plan) || strings.Contains(s.p.Script(plan), "BEGIN;") {
		t.Errorf("%+v", plan)
	}
}
