package decide

import (
	"testing"

	"stead"
)

// projects makes a world with two sources; ana is a member of p, which has one of them.
func projects(t *testing.T, change func(f *fixture, p *stead.Project)) *World {
	f := newFixture(t)
	ana := f.user("ana", nil)
	f.user("bo", nil)
	s := f.hr()
	f.source("other", nil, f.delta.Sources[0].Columns...)
	f.everyone()
	p := &stead.Project{ID: 1, Key: "p", Members: []stead.Principal{ana}, Sources: []stead.Object{s.Object()}, Purposes: []string{"Research.Oncology"}}
	f.delta.Projects = []*stead.Project{p}
	if change != nil {
		change(f, p)
	}
	return f.world()
}

func within(t *testing.T, w *World, name, project string, purposes ...string) *stead.Asker {
	a := asker(t, w, name)
	a.Project, a.Purposes = project, purposes
	return a
}

func TestProjectLimitsToItsSources(t *testing.T) {
	w := projects(t, nil)
	expect(t, w.Decide(within(t, w, "ana", ""), tableAt("other"), stead.Read), "always")
	expect(t, w.Decide(within(t, w, "ana", "p"), tableAt("hr"), stead.Read), "always")
	expect(t, w.Decide(within(t, w, "ana", "p"), tableAt("other"), stead.Read), "denied not_found")
	expect(t, w.Decide(within(t, w, "ana", "p"), tableAt("other"), stead.List), "denied not_found")
	expect(t, w.Decide(within(t, w, "bo", "p"), tableAt("hr"), stead.Read), "denied denied")
	expect(t, w.Decide(within(t, w, "ana", "gone"), tableAt("hr"), stead.Read), "denied denied")
	if n := len(w.Visible(within(t, w, "ana", "p"), "lake")); n != 1 {
		t.Errorf("%d sources visible in the project", n)
	}
}

func TestProjectDoesNotSubscribe(t *testing.T) {
	w := projects(t, func(f *fixture, _ *stead.Project) { f.access("no", `{"type":"manual"}`) })
	expect(t, w.Decide(within(t, w, "ana", "p"), tableAt("hr"), stead.Read), "denied not_found")
}

func TestPurposesComeFromTheProjectActedIn(t *testing.T) {
	w := projects(t, func(f *fixture, _ *stead.Project) {
		f.data("m", maskOn(bySSN, null, `,"exceptions":{"purposes":["Research"]}`))
	})
	for _, c := range []struct {
		project, purpose, want string
	}{
		{"p", "Research.Oncology", "always"},
		{"p", "Research", "always; ssn null"},           // claimed, and not of the project
		{"", "Research.Oncology", "always; ssn null"},   // claimed outside a project
		{"p", "Researching", "always; ssn null"},        // not below it
		{"p", "Research.Oncology2", "always; ssn null"}, // not of the project
	} {
		expect(t, w.Decide(within(t, w, "ana", c.project, c.purpose), tableAt("hr"), stead.Read), c.want)
	}
}

func TestMaskedJoinsShareOneKey(t *testing.T) {
	key := func(w *World, project string) string {
		d := w.Decide(within(t, w, "ana", project), tableAt("hr"), stead.Read)
		k, _ := keyIn(d.Columns[2].Mask)
		return k
	}
	joins := func(more string) *World {
		return projects(t, func(f *fixture, p *stead.Project) {
			p.MaskedJoins = true
			p.Sources = append(p.Sources, f.delta.Sources[1].Object())
			f.data("m", maskOn(bySSN, hash, ""))
			if more != "" {
				f.policy(more)
			}
		})
	}
	w := joins("")
	if k := key(w, "p"); k != "project/p" {
		t.Errorf("in the project the key is %q", k)
	}
	if k := key(w, ""); k != "source/3" {
		t.Errorf("outside the project the key is %q", k)
	}
	different := joins(`{"policyKey":"d","name":"d","type":"data","circumstances":[{"type":"dataSources","dataSources":["lake:demo.other"]}],
		"actions":` + maskOn(ssnName, `{"type":"Hash","length":16}`, "") + `}`)
	if k := key(different, "p"); k != "source/3" {
		t.Errorf("with different lengths the key is %q", k)
	}
	a := within(t, w, "ana", "p")
	b := within(t, w, "ana", "")
	if w.Decide(a, tableAt("hr"), stead.Read).Fingerprint == w.Decide(b, tableAt("hr"), stead.Read).Fingerprint {
		t.Error("another key under the same fingerprint")
	}
}
