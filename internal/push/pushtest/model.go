package pushtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"stead"
	"stead/internal/push"
)

// Model is a platform in memory: the profile tables, the objects of each source, and the ids of keys. Its zero
// value is an empty platform.
type Model struct {
	// Native are logins that hold the impersonation role natively.
	Native map[string]bool
	// Fail, when not nil, is asked before each step; an error stops there, as if the connection broke.
	Fail func(*push.Step) error

	mu       sync.Mutex
	revision stead.Revision
	tables   map[push.Table]map[push.Row]bool
	objects  map[stead.SourceID]*push.Source
	keys     map[string]bool
}

// Revision is that of the last state that was applied.
func (m *Model) Revision() stead.Revision {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.revision
}

// Drop forgets the objects of a source behind stead's back.
func (m *Model) Drop(id stead.SourceID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, id)
}

// Plan implements push.Platform.
func (m *Model) Plan(_ context.Context, next, _ *push.State) (*push.Plan, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if next.Revision < m.revision {
		return nil, stead.Errorf(stead.Conflict, "the platform holds a later state").WithHint("look at who changed it")
	}
	p := &push.Plan{Connection: next.Connection.Key, From: m.revision, To: next.Revision, Next: next}
	put, gone := m.edits(next)
	if len(gone) > 0 {
		p.Steps = append(p.Steps, push.Step{Kind: push.RowEdit, Object: "profile", Why: "what is withdrawn", Edits: gone})
	}
	if keys := slices.DeleteFunc(slices.Clone(next.Keys), func(k string) bool { return m.keys[k] }); len(keys) > 0 {
		p.Steps = append(p.Steps, push.Step{Kind: push.KeyEdit, Object: "keys", Why: "new keys", Keys: keys})
	}
	for _, id := range slices.SortedFunc(maps.Keys(next.Sources), cmp.Compare) {
		s := next.Sources[id]
		if now := m.objects[id]; !s.Held && (now == nil || now.Digest != s.Digest) {
			p.Steps = append(p.Steps, push.Step{Kind: push.ObjectEdit, Object: strings.Join(s.Path, "."), Source: id, Why: "what is shown changed"})
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(m.objects), cmp.Compare) {
		if next.Sources[id] == nil {
			p.Steps = append(p.Steps, push.Step{Kind: push.Release, Object: strings.Join(m.objects[id].Path, "."), Source: id, Why: "no longer registered"})
		}
	}
	if len(put) > 0 {
		p.Steps = append(p.Steps, push.Step{Kind: push.RowEdit, Object: "profile", Why: "what is given", Edits: put, Widens: true})
	}
	return p, nil
}

// edits compares the tables with the next state's rows, what is put apart from what goes.
func (m *Model) edits(next *push.State) (put, gone []push.Edit) {
	want := map[push.Table]map[push.Row]bool{}
	for id, set := range next.Sets {
		if want[id.Table] == nil {
			want[id.Table] = map[push.Row]bool{}
		}
		for _, r := range set.Rows {
			want[id.Table][r] = true
		}
	}
	for _, t := range push.Tables() {
		// A row "off" takes away, though it is put.
		p, g := missing(want[t], m.tables[t]), missing(m.tables[t], want[t])
		if t == push.Switches {
			p, g = g, p
			if len(p) > 0 {
				put = append(put, push.Edit{Table: t, Delete: p})
			}
			if len(g) > 0 {
				gone = append(gone, push.Edit{Table: t, Put: g})
			}
			continue
		}
		if len(p) > 0 {
			put = append(put, push.Edit{Table: t, Put: p})
		}
		if len(g) > 0 {
			gone = append(gone, push.Edit{Table: t, Delete: g})
		}
	}
	return put, gone
}

func missing(of, in map[push.Row]bool) []push.Row {
	var out []push.Row
	for r := range of {
		if !in[r] {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, push.Row.Compare)
	return out
}

// Apply implements push.Platform.
func (m *Model) Apply(_ context.Context, p *push.Plan, progress func(push.Progress)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.revision != p.From {
		return stead.Errorf(stead.Conflict, "the platform is at revision %d, the plan starts at %d", m.revision, p.From).WithHint("plan anew")
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		if m.Fail != nil {
			if err := m.Fail(s); err != nil {
				return &push.StepError{Step: s, Err: err}
			}
		}
		if err := m.step(s, p.Next); err != nil {
			return &push.StepError{Step: s, Err: err}
		}
		if progress != nil {
			progress(push.Progress{Done: i + 1, Total: len(p.Steps), Step: s})
		}
	}
	m.revision = p.To
	return nil
}

func (m *Model) step(s *push.Step, next *push.State) error {
	if m.tables == nil {
		m.tables, m.objects, m.keys = map[push.Table]map[push.Row]bool{}, map[stead.SourceID]*push.Source{}, map[string]bool{}
	}
	switch s.Kind {
	case push.RowEdit:
		for _, e := range s.Edits {
			if m.tables[e.Table] == nil {
				m.tables[e.Table] = map[push.Row]bool{}
			}
			for _, r := range e.Delete {
				delete(m.tables[e.Table], r)
			}
			for _, r := range e.Put {
				m.tables[e.Table][r] = true
			}
		}
	case push.ObjectEdit:
		m.objects[s.Source] = next.Sources[s.Source]
	case push.KeyEdit:
		for _, k := range s.Keys {
			m.keys[k] = true
		}
	case push.Release:
		delete(m.objects, s.Source)
	default:
		return fmt.Errorf("unknown step %q", s.Kind)
	}
	return nil
}

// Verify implements push.Platform.
func (m *Model) Verify(_ context.Context, state *push.State) ([]push.Drift, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []push.Drift
	for _, id := range slices.SortedFunc(maps.Keys(state.Sources), cmp.Compare) {
		s := state.Sources[id]
		switch now := m.objects[id]; {
		case s.Held:
		case now == nil:
			out = append(out, push.Drift{Kind: push.Missing, Source: id, Object: strings.Join(s.Path, "."), What: "is not there", Repairable: true})
		case now.Digest != s.Digest:
			out = append(out, push.Drift{Kind: push.Altered, Source: id, Object: strings.Join(s.Path, "."), What: "is another", Open: true, Repairable: true})
		}
	}
	if put, gone := m.edits(state); len(put)+len(gone) > 0 {
		out = append(out, push.Drift{Kind: push.Profiles, Object: "profile", What: "rows differ", Open: len(gone) > 0, Repairable: true})
	}
	return out, nil
}

// Script implements push.Platform.
func (m *Model) Script(p *push.Plan) string {
	var b strings.Builder
	for i := range p.Steps {
		fmt.Fprintf(&b, "%s %s -- %s\n", p.Steps[i].Kind, p.Steps[i].Object, p.Steps[i].Why)
	}
	return b.String()
}

// Close implements push.Platform.
func (m *Model) Close() error { return nil }

var _ push.Platform = (*Model)(nil)
