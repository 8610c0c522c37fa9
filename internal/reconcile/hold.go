package reconcile

import (
	"maps"
	"strconv"

	"stead"
	"stead/internal/push"
)

// holdKind is why a data source is held: closed, with its objects left as they are.
type holdKind uint8

const (
	manual  holdKind = iota // its objects wait for somebody to apply them
	blocked                 // a problem stands in the way
	failed                  // its objects could not be edited
)

type held struct {
	kind   holdKind
	reason string
	path   []string
}

type holds map[stead.SourceID]held

// without gives the holds that are not of the kind.
func (h holds) without(kind holdKind) holds {
	out := holds{}
	for id, v := range h {
		if v.kind != kind {
			out[id] = v
		}
	}
	return out
}

// trouble reports whether some data source is held for another reason than that somebody must apply.
func (h holds) trouble() bool { return len(h.without(manual)) > 0 }

// hold is next with some data sources held. Objects that wait would show by the old policy what new rows say, or the
// other way round, so nobody is shown anything until both fit. What the platform holds of them, if that is known, stays in
// the state, so that a change that is taken back needs no edit of objects.
func hold(next, since *push.State, h holds) *push.State {
	if len(h) == 0 {
		return next
	}
	s := *next
	s.Sources, s.Sets = maps.Clone(next.Sources), maps.Clone(next.Sets)
	for id, why := range h {
		src := &push.Source{ID: id, Path: why.path}
		if old := known(since, id); old != nil {
			c := *old
			src = &c
		} else if now := next.Sources[id]; now != nil {
			src.Path = now.Path
		}
		src.Held, src.Refused = true, why.reason
		s.Sources[id] = src
		shut(&s, id)
	}
	return &s
}

// waiting is s with stead's own objects left as they are.
func waiting(s *push.State) *push.State {
	c := *s
	c.Held = true
	return &c
}

func known(s *push.State, id stead.SourceID) *push.Source {
	if s == nil {
		return nil
	}
	return s.Sources[id]
}

// shut closes a data source by its row.
func shut(s *push.State, id stead.SourceID) {
	key := push.SetID{Table: push.Served, Key: strconv.FormatInt(int64(id), 10)}
	closed := &push.Set{Rows: []push.Row{{key.Key, "", "f"}}}
	if open := s.Sets[key]; open != nil && len(open.Rows) > 0 {
		row := open.Rows[0]
		row[2] = "f"
		closed.Rows[0] = row
	}
	s.Sets[key] = closed
}

// off is a state in which everything that a platform held of a connection is closed by rows alone. Sources that it may
// hold beside those of s are given by id.
func off(s *push.State, beside []stead.SourceID) *push.State {
	h := holds{}
	gone := held{reason: "the connection is not governed from here any more"}
	for id := range s.Sources {
		h[id] = gone
	}
	for _, id := range beside {
		h[id] = gone
	}
	out := *hold(s, s, h)
	out.Held, out.Sets = true, maps.Clone(out.Sets)
	out.Sets[push.SetID{Table: push.Switches, Key: "off"}] = &push.Set{Rows: []push.Row{{"off"}}}
	return &out
}
