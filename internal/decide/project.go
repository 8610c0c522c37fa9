package decide

import (
	"errors"
	"slices"

	"stead"
)

// project keeps which sources a project has.
type project struct {
	*stead.Project
	sources map[string]bool // objectKey
}

func newProject(p *stead.Project) *project {
	out := &project{Project: p, sources: make(map[string]bool, len(p.Sources))}
	for _, o := range p.Sources {
		out.sources[objectKey(o)] = true
	}
	return out
}

func (w *World) project(key string) (*project, bool) {
	id, ok := w.projectKeys.get(key)
	if !ok {
		return nil, false
	}
	return w.projects.get(id)
}

// actIn finds the project acted in and takes its purposes. A project that is gone, or of which the subject is not a
// member, refuses everything: falling back to no project would show more. It comes before the object is looked up, so
// that the answer tells nothing about the object.
func (q *question) actIn() *stead.Error {
	key := q.a.Project
	if key == "" {
		return nil
	}
	p, ok := q.w.project(key)
	if !ok || !q.person.among(p.Members) && !q.person.among(p.Owners) {
		return stead.Errorf(stead.Denied, "you may not act in project %q", shown([]string{key})).
			WithHint("leave the project, or ask its owner to let you in").
			WithCause(errors.New("the project does not exist, or the subject is not a member"))
	}
	q.project = p
	for _, x := range q.a.Purposes {
		if slices.Contains(p.Purposes, x) {
			q.facts.Purposes = append(q.facts.Purposes, x)
		}
	}
	return nil
}

// within limits the question to the sources of the project acted in.
func (q *question) within(s *source) *stead.Error {
	p := q.project
	if p == nil {
		return nil
	}
	if !p.sources[s.key] {
		return q.hidden("the data source is not part of the project acted in")
	}
	if p.MaskedJoins {
		if q.w.shares(p.Project) {
			q.shared = p.Key
		} else {
			q.d.Reasons = append(q.d.Reasons, stead.Reason{Effect: stead.Masked, Rule: -1,
				Fact: "masked joins are refused: the hash masks of the project's data sources have different lengths"})
		}
	}
	return nil
}

// shares reports whether the sources of the project are masked under its key.
func (w *World) shares(p *stead.Project) bool { return p.MaskedJoins && w.joinable(p) }

// joinable reports whether the hash masks of a project's sources can be compared with each other: all are of one length.
// If they are not, each source keeps its own key, so that nothing joins by accident.
func (w *World) joinable(p *stead.Project) bool {
	if known, ok := w.joins.Load(p.ID); ok {
		return known.(bool)
	}
	length, same := 0, true
	for _, o := range p.Sources {
		s, ok := w.source(o)
		if !ok {
			continue
		}
		for _, n := range w.resolved(s).digits {
			same = same && (length == 0 || n == length)
			length = n
		}
	}
	w.joins.Store(p.ID, same)
	return same
}
