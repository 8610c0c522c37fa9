package audit

import (
	"testing"

	"stead"
)

// An owner finds a query that touched its table and another one, and learns nothing about the other.
func TestOwnersSeeTheirPart(t *testing.T) {
	f := newFixture(t, func(*Options) {})
	r := stead.Record{ID: NewID(), Kind: stead.QueryIntent, Time: f.clock.Now(), QueryID: "q", Statement: "select * from mine, hidden",
		Subject: stead.Subject{Identity: 1, Name: "ana", Groups: []string{"hr"}, Attributes: stead.Attributes{"region": {"EU"}}},
		Targets: []stead.RecordTarget{{Source: 7, SourceName: "mine"}, {Source: 8, SourceName: "hidden"}}}
	alone := r
	alone.ID, alone.QueryID, alone.Statement, alone.Targets = NewID(), "alone", "select * from mine", r.Targets[:1]
	for _, x := range []stead.Record{r, alone} {
		if err := f.Append(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	own := Filter{Sources: []stead.SourceID{7}}
	p, err := f.Search(t.Context(), own, 0, "")
	if err != nil || len(p.Entries) != 2 {
		t.Fatalf("%d entries, %v", len(p.Entries), err)
	}
	for _, e := range p.Entries {
		want := ""
		if e.Record.QueryID == "alone" {
			want = alone.Statement
		}
		if len(e.Record.Targets) != 1 || e.Record.Targets[0].Source != 7 || e.Record.Statement != want || e.Record.Subject.Attributes != nil || e.Record.Subject.Groups != nil {
			t.Errorf("%+v", e.Record)
		}
	}
	for _, probe := range []Filter{{Source: "hidden"}, {Source: "8"}, {Text: "hidden"}} {
		probe.Sources = own.Sources
		if p, err := f.Search(t.Context(), probe, 0, ""); err != nil || len(p.Entries) != 0 {
			t.Errorf("%+v finds %d, %v", probe, len(p.Entries), err)
		}
	}
}
