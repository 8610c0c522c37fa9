package policy

import (
	"sort"

	"stead"
)

// Resolution is everything that the enforced policies say about one data source, for any asker: who
// reaches it, the row rules that all apply, and for each column the one mask that won. It is immutable.
type Resolution struct {
	Source *stead.DataSource
	// Access of all subscription policies, required ones first. Empty: owners only.
	Access []*Access
	Rows   []Chain
	// Masks has an entry for each column of Source; nil is shown as it is.
	Masks []*Chain
	// Policies are those that have a part, by id.
	Policies []stead.PolicyRef
	// Losers are masks that another mask on the same column beat.
	Losers []Loser
	// Problems by policy, for governors and owners.
	Problems []PolicyProblem
	// Refused, when not empty, says why nothing may be shown.
	Refused string
}

// Loser is a mask that does not apply because another won the column.
type Loser struct {
	Policy stead.PolicyRef
	Action int
	Column string
}

// PolicyProblem is a Problem with the policy it belongs to.
type PolicyProblem struct {
	Policy stead.PolicyRef
	Problem
}

// Resolve combines the policies that apply to a source. On a column the most specific selector wins (a name before
// tags, deeper tags before higher ones, tags before patterns, those before anyTag and noTags), then the policy created
// first, then the action written first. Who is exempt from a mask does not matter for
// that: an exception from the winner does not let a loser mask again.
func Resolve(s *stead.DataSource, policies []*Compiled) *Resolution {
	r := &Resolution{Source: s, Masks: make([]*Chain, len(s.Columns))}
	sorted := append([]*Compiled(nil), policies...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].ID < sorted[j].ID })
	best := make([]int, len(s.Columns))
	for _, c := range sorted {
		if c.AppliesTo(s) {
			r.add(c.Bind(s), best)
		}
	}
	sort.SliceStable(r.Access, func(i, j int) bool { return r.Access[i].Required && !r.Access[j].Required })
	return r
}

// add takes what is bound in; policies come by ascending id, so that an equal rank does not win.
func (r *Resolution) add(b *Bound, best []int) {
	for _, p := range b.Problems {
		r.Problems = append(r.Problems, PolicyProblem{b.Ref, p})
	}
	if b.Refused != "" && r.Refused == "" {
		r.Refused = b.Refused
	}
	if b.Access != nil {
		r.Access = append(r.Access, b.Access)
	}
	r.Rows = append(r.Rows, b.Rows...)
	for _, m := range b.Masks {
		for i := range m.Columns {
			c := &m.Columns[i]
			name := r.Source.Columns[c.Index].Name
			if c.Rank <= best[c.Index] {
				r.Losers = append(r.Losers, Loser{b.Ref, m.Action, name})
				continue
			}
			if beaten := r.Masks[c.Index]; beaten != nil {
				r.Losers = append(r.Losers, Loser{beaten.Policy, beaten.Action, name})
			}
			best[c.Index], r.Masks[c.Index] = c.Rank, &c.Chain
		}
	}
	if b.Refused != "" || b.Access != nil || len(b.Rows)+len(b.Masks) > 0 {
		r.Policies = append(r.Policies, b.Ref)
	}
}
