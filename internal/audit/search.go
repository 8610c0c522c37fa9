package audit

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"stead"
)

// Page is a part of what a search found, newest first.
type Page struct {
	Entries []Entry `json:"entries"`
	// Next continues the search; "" when there is nothing more.
	Next string `json:"next,omitempty"`
	// Damaged is how many lines could not be read; verify says which.
	Damaged int `json:"damaged,omitempty"`
}

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// Search returns at most limit records (default 100, at most 1000), newest first, of all writers of
// the folder. cursor is the Next of the page before, "" to begin. Records that come in meanwhile do not
// move what the next pages show.
func (l *Log) Search(ctx context.Context, f Filter, limit int, cursor string) (Page, error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	before, err := parseCursor(cursor)
	if err != nil {
		return Page{}, err
	}
	chains, err := l.chains(ctx)
	if err != nil {
		return Page{}, err
	}
	m := &merge{newest: true}
	defer m.close()
	for _, c := range chains {
		m.add(newBackward(ctx, c, &f, before[c.writer]))
	}
	var p Page
	for len(p.Entries) < limit {
		e, err := m.next()
		if err != nil {
			return Page{}, err
		}
		if e == nil {
			p.Damaged = m.damaged()
			return p, nil
		}
		p.Entries = append(p.Entries, *e)
	}
	p.Next, p.Damaged = m.cursor(), m.damaged()
	return p, nil
}

// parseCursor reads "writer:seq,writer:seq": each chain goes on below its number.
func parseCursor(text string) (map[string]int64, error) {
	out := map[string]int64{}
	if text == "" {
		return out, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, number, _ := strings.Cut(part, ":")
		seq, err := strconv.ParseInt(number, 10, 64)
		if err != nil || seq < 1 || checkWriter(name) != nil {
			return nil, stead.Errorf(stead.Invalid, "the cursor %q is not one that a search returned", text).
				WithHint("repeat the search from its beginning")
		}
		out[name] = seq
	}
	return out, nil
}

// chain is one writer's segments as they are durable now, oldest first.
type chain struct {
	writer string
	dir    string
	parts  []index
}

func (c *chain) path(x *index) string { return filepath.Join(c.dir, segmentName(x.First)) }

// chains lists what can be read now: the own chain up to what is durable, others up to their last whole line.
func (l *Log) chains(ctx context.Context) ([]chain, error) {
	names, err := writers(l.opt.Dir)
	if err != nil {
		return nil, err
	}
	var out []chain
	for _, name := range names {
		c := chain{writer: name, dir: filepath.Join(l.opt.Dir, name)}
		if name == l.opt.Writer {
			l.mu.Lock()
			c.parts = slices.Clone(l.past)
			if l.open != nil && l.open.Count > 0 {
				c.parts = append(c.parts, *l.open)
			}
			l.mu.Unlock()
		} else if c.parts, err = foreign(ctx, c.dir); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// foreign indexes another writer's chain. Only what its writer wrote as an index is trusted; nothing is written.
func foreign(ctx context.Context, dir string) ([]index, error) {
	segs, err := segments(dir)
	if err != nil {
		return nil, err
	}
	var out []index
	for _, s := range segs {
		x, err := readIndex(ctx, s)
		if err != nil {
			return nil, err
		}
		if x.Count > 0 {
			out = append(out, x)
		}
	}
	return out, nil
}

// source gives entries in one order until it returns nil.
type source interface {
	next() (*Entry, error)
	// position is the number below which a later search of the chain goes on.
	position() int64
	writer() string
	broken() int
	close()
}

// merge gives the entries of several chains by time.
type merge struct {
	newest  bool
	sources []source
	heads   []*Entry // the next entry of each source, nil before it was asked for
	ended   []bool
}

func (m *merge) add(s source) {
	m.sources, m.heads, m.ended = append(m.sources, s), append(m.heads, nil), append(m.ended, false)
}

// next returns the next entry, nil at the end.
func (m *merge) next() (*Entry, error) {
	best := -1
	for i, s := range m.sources {
		if m.heads[i] == nil && !m.ended[i] {
			e, err := s.next()
			if err != nil {
				return nil, err
			}
			m.heads[i], m.ended[i] = e, e == nil
		}
		if m.heads[i] != nil && (best < 0 || m.before(m.heads[i], m.heads[best])) {
			best = i
		}
	}
	if best < 0 {
		return nil, nil
	}
	e := m.heads[best]
	m.heads[best] = nil
	return e, nil
}

func (m *merge) before(a, b *Entry) bool {
	if m.newest {
		return a.Record.Time.After(b.Record.Time)
	}
	return a.Record.Time.Before(b.Record.Time)
}

// cursor says where each chain goes on.
func (m *merge) cursor() string {
	var parts []string
	for i, s := range m.sources {
		at := s.position()
		if m.heads[i] != nil {
			at = m.heads[i].Seq + 1
		}
		parts = append(parts, fmt.Sprintf("%s:%d", s.writer(), max(at, 1)))
	}
	return strings.Join(parts, ",")
}

func (m *merge) damaged() int {
	n := 0
	for _, s := range m.sources {
		n += s.broken()
	}
	return n
}

func (m *merge) close() {
	for _, s := range m.sources {
		s.close()
	}
}
