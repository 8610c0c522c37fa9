package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"

	"stead"
)

// Item is one piece of a whole store, as it is copied from one to another; exactly one member is set. A whole
// store is its counters, marks, rows, changes and pending records, in this order, each in the order of its key.
type Item struct {
	Counter *Counter      `json:"counter,omitempty"`
	Mark    *Mark         `json:"mark,omitempty"`
	Row     *Row          `json:"row,omitempty"`
	Change  *Change       `json:"change,omitempty"`
	Record  *StoredRecord `json:"record,omitempty"`
}

// Counter is the last number that was given out under a name.
type Counter struct {
	Name  string
	Value int64
}

// Mark is a text that the store keeps under a name (see Store.Mark).
type Mark struct{ Name, Value string }

// StoredRecord is a pending record as it is stored. Writer is whose chain it goes into, "" if nobody's yet.
type StoredRecord struct {
	Seq    int64
	Writer string
	Doc    []byte
}

// The counters that every store has. Ids of a noun are counted under IDCounter.
const (
	RevisionCounter = "revision"
	RecordCounter   = "record"
	// HorizonCounter is the last revision that the change log no longer has.
	HorizonCounter = "horizon"
)

// IDCounter counts the ids of a noun.
func IDCounter(n Noun) string { return "id/" + string(n) }

// Skipped is added to every counter by a restore, so that ids and revisions that were given out after
// the copy was made are not given out again with another meaning.
const Skipped = 1_000_000

// Sections are the kinds of item, in their order.
var sections = []string{"counters", "marks", "rows", "changes", "records"}

// section is which kind of item it is, -1 if it is none.
func (i *Item) section() int {
	at, n := -1, 0
	for k, set := range []bool{i.Counter != nil, i.Mark != nil, i.Row != nil, i.Change != nil, i.Record != nil} {
		if set {
			at = k
			n++
		}
	}
	if n != 1 {
		return -1
	}
	return at
}

// Tally counts items and hashes them, so that two copies can be compared.
type Tally struct {
	counts [5]int64
	last   int
	sum    hash.Hash
}

// Add takes the next item; one that is none, or out of order, is a stead.Invalid error.
func (t *Tally) Add(i *Item) error {
	at := i.section()
	if at < t.last {
		return stead.Errorf(stead.Invalid, "a copy of a store is not in order")
	}
	text, err := json.Marshal(i)
	if err != nil {
		return stead.AsError(err)
	}
	if t.sum == nil {
		t.sum = sha256.New()
	}
	t.last = at
	t.counts[at]++
	t.sum.Write(append(text, '\n')) // a hash never fails
	return nil
}

// Counts are how many items of each section there were, by its name.
func (t *Tally) Counts() map[string]int64 {
	out := map[string]int64{}
	for i, name := range sections {
		out[name] = t.counts[i]
	}
	return out
}

// String is counts and digest, for people and for comparing.
func (t *Tally) String() string {
	digest := "nothing"
	if t.sum != nil {
		digest = hex.EncodeToString(t.sum.Sum(nil))
	}
	out := ""
	for i, name := range sections {
		out += fmt.Sprintf("%d %s, ", t.counts[i], name)
	}
	return out + "sha256 " + digest
}
