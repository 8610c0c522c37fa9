package audit

import (
	"slices"
	"strconv"
	"time"

	"stead"
)

// maxTerms is how many terms an index lists before it gives up telling what is not there.
const maxTerms = 1000

// index says what a segment holds, so that a search passes over segments that cannot match. It is
// derived from the segment and made again when it is missing; verify never reads it.
type index struct {
	First int64     `json:"first"`
	Last  int64     `json:"last"`
	Min   time.Time `json:"min"` // of the records' times
	Max   time.Time `json:"max"`
	Count int       `json:"count"` // of records
	Size  int64     `json:"size"`
	Hash  Hash      `json:"hash"` // of the last line
	// Closed is the time of the closing checkpoint, zero if the segment is open.
	Closed time.Time `json:"closed"`
	Terms  []string  `json:"terms,omitempty"` // sorted; nil with Many
	Many   bool      `json:"many,omitempty"`
}

// term is what is indexed of a record, and what a filter asks for.
func term(kind, value string) string { return kind + "\x1f" + value }

func terms(r *stead.Record, add func(string)) {
	for _, v := range []string{r.Actor.Name, r.Actor.Login} {
		add(term("actor", v))
	}
	add(term("subject", r.Subject.Name))
	add(term("kind", string(r.Kind)))
	add(term("status", string(r.Status)))
	for i := range r.Targets {
		if id := r.Targets[i].Source; id != 0 {
			add(term("source", strconv.FormatInt(int64(id), 10)))
		}
	}
}

// add takes one entry into the index.
func (x *index) add(seq int64, h Hash, size int, r *stead.Record, c *Checkpoint) {
	if x.First == 0 {
		x.First = seq
	}
	x.Last, x.Hash = seq, h
	x.Size += int64(size)
	if c != nil {
		if c.Closes {
			x.Closed = c.Time
		}
		return
	}
	if x.Count == 0 || r.Time.Before(x.Min) {
		x.Min = r.Time
	}
	if x.Count == 0 || r.Time.After(x.Max) {
		x.Max = r.Time
	}
	x.Count++
	if !x.Many {
		terms(r, x.addTerm)
	}
}

func (x *index) addTerm(t string) {
	i, found := slices.BinarySearch(x.Terms, t)
	switch {
	case found || x.Many:
	case len(x.Terms) >= maxTerms:
		x.Terms, x.Many = nil, true
	default:
		x.Terms = slices.Insert(x.Terms, i, t)
	}
}

// clone is a copy that does not change any more.
func (x *index) clone() index {
	c := *x
	c.Terms = slices.Clone(x.Terms)
	return c
}

// has reports whether a record with the term may be in the segment.
func (x *index) has(t string) bool {
	if x.Many {
		return true
	}
	_, found := slices.BinarySearch(x.Terms, t)
	return found
}
