package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"stead"
)

// Report is what Verify found.
type Report struct {
	Writers  []WriterReport `json:"writers"`
	Problems []Problem      `json:"problems,omitempty"`
}

// OK reports whether nothing is wrong.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// WriterReport is about one chain.
type WriterReport struct {
	// Head is the end of the chain: keep it elsewhere, and give it to the next Verify.
	Head        Head  `json:"head"`
	First       int64 `json:"first"` // number of the first entry that is there
	Records     int64 `json:"records"`
	Checkpoints int64 `json:"checkpoints"`
	// Unsigned is how many entries follow the last checkpoint: only a head kept elsewhere protects those.
	Unsigned int64 `json:"unsigned"`
	// Removed is the number of the last entry that retention removed, 0 for none.
	Removed int64 `json:"removed,omitempty"`
	// Unfinished is how many bytes at the end are no whole entry: a write that is going on, or was killed.
	Unfinished int64 `json:"unfinished,omitempty"`
}

// Problem is one thing that is wrong. Kinds: "altered", "removed", "reordered", "truncated",
// "replaced", "signature", "unreadable".
type Problem struct {
	Writer  string `json:"writer"`
	Segment string `json:"segment,omitempty"`
	Seq     int64  `json:"seq,omitempty"` // of the entry, 0 if it has none
	Kind    string `json:"kind"`
	Text    string `json:"text"`
}

// Verify reads the chains below an audit folder and says what was removed, altered, reordered or
// truncated. heads are ends of chains that were kept elsewhere: each chain must still reach its own.
// The folder may be in use. An error means that it could not be read.
func Verify(ctx context.Context, dir string, keys PublicKeys, heads ...Head) (*Report, error) {
	names, err := writers(dir)
	if err != nil {
		return nil, err
	}
	r := &Report{}
	known := map[string]bool{}
	for _, name := range names {
		known[name] = true
		v := &verifier{report: r, keys: keys, got: WriterReport{Head: Head{Writer: name}}}
		for _, h := range heads {
			if h.Writer == name {
				v.heads = append(v.heads, h)
			}
		}
		if err := v.run(ctx, filepath.Join(dir, name)); err != nil {
			return nil, err
		}
		r.Writers = append(r.Writers, v.got)
	}
	for _, h := range heads {
		if !known[h.Writer] {
			r.Problems = append(r.Problems, Problem{Writer: h.Writer, Seq: h.Seq, Kind: "removed", Text: "the whole log of this writer is missing"})
		}
	}
	return r, nil
}

// verifier follows one chain. After a problem it goes on from what it found, to find the others.
type verifier struct {
	report  *Report
	keys    PublicKeys
	heads   []Head
	got     WriterReport
	tomb    *Tombstone
	segment string
	closed  bool // the segment had its closing checkpoint
	begun   bool // something of the chain was read
	met     map[Head]bool
}

func (v *verifier) problem(seq int64, kind, format string, args ...any) {
	v.report.Problems = append(v.report.Problems, Problem{Writer: v.got.Head.Writer, Segment: v.segment, Seq: seq, Kind: kind, Text: fmt.Sprintf(format, args...)})
}

func (v *verifier) run(ctx context.Context, dir string) error {
	v.met = map[Head]bool{}
	segs, err := segments(dir)
	if stead.CodeOf(err) == stead.Conflict {
		v.problem(0, "unreadable", "%v", err)
		return nil
	}
	if err != nil {
		return err
	}
	// After the list: what retention removes meanwhile is below the tombstone then.
	if err := v.readTombstone(dir); err != nil {
		return err
	}
	for i, s := range segs {
		if err := v.segmentOf(ctx, s, i == len(segs)-1); err != nil {
			return err
		}
	}
	v.segment = ""
	v.compare()
	return nil
}

func (v *verifier) readTombstone(dir string) error {
	t, err := readTombstone(dir)
	if stead.CodeOf(err) == stead.Conflict {
		v.segment = tombstoneName
		v.problem(0, "unreadable", "the tombstone cannot be read")
		return nil
	}
	if err != nil || t == nil {
		return err
	}
	if err := t.check(v.got.Head.Writer, v.keys); err != nil {
		v.segment = tombstoneName
		v.problem(t.Seq, "signature", "the tombstone: %v", err)
		return nil // it says nothing then: the missing segments are reported
	}
	v.tomb, v.got.Removed = t, t.Seq
	v.got.Head = t.Head
	return nil
}

func (v *verifier) segmentOf(ctx context.Context, s segment, last bool) error {
	v.segment, v.closed = filepath.Base(s.path), false
	if v.tomb != nil && !v.begun && s.first <= v.tomb.Seq {
		return nil // retention was interrupted; the segment is going to be removed
	}
	// A gap between segments is reported by the first entry that does not follow.
	rest, err := scan(ctx, s.path, -1, func(line []byte) error {
		v.line(line)
		return nil
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, statErr := os.Stat(filepath.Dir(s.path)); statErr == nil {
			return nil // retention removed it meanwhile; a gap shows at the next entry
		}
		return err
	case stead.CodeOf(err) == stead.Canceled:
		return err
	case err != nil:
		v.problem(v.got.Head.Seq+1, "unreadable", "the segment cannot be read to its end")
		return nil
	}
	switch {
	case rest > 0 && last && !v.closed:
		v.got.Unfinished = rest
	case rest > 0:
		v.problem(v.got.Head.Seq+1, "altered", "%d bytes at the end of a closed segment are no entry", rest)
	}
	if !last && !v.closed {
		v.problem(v.got.Head.Seq, "truncated", "the segment ends without its closing checkpoint")
	}
	return nil
}

// line takes the next line of the chain.
func (v *verifier) line(line []byte) {
	head := v.got.Head
	h, ok := hashOf(line)
	e, err := parseLine(line)
	switch {
	case !ok || err != nil:
		v.problem(head.Seq+1, "altered", "the entry is not what was written: its hash does not fit its bytes")
		v.got.Head.Seq, v.got.Head.Hash, v.begun = head.Seq+1, h, true // what follows is looked at from here on
		return
	case e.Writer != head.Writer:
		v.problem(e.Seq, "replaced", "the entry belongs to the writer %q", e.Writer)
		return
	case v.closed:
		v.problem(e.Seq, "altered", "an entry follows the end of its segment")
	}
	if !v.order(e, head) {
		return
	}
	if e.Checkpoint != nil {
		v.got.Checkpoints++
		v.got.Unsigned = 0
		v.closed = e.Checkpoint.Closes
		if err := e.Checkpoint.check(Head{Writer: head.Writer, Seq: e.Seq - 1, Hash: e.Prev}, v.keys); err != nil {
			v.problem(e.Seq, "signature", "the checkpoint: %v", err)
		}
	} else {
		v.got.Records++
		v.got.Unsigned++
	}
	if v.got.First == 0 {
		v.got.First = e.Seq
	}
	v.got.Head.Seq, v.got.Head.Hash, v.begun = e.Seq, h, true
	for _, kept := range v.heads {
		if kept.Seq == e.Seq {
			v.met[kept] = true
			if kept.Hash != h {
				v.problem(e.Seq, "replaced", "the entry is not the one of the head that was kept")
			}
		}
	}
}

// order says how an entry does not follow the one before it, and whether the chain goes on from it.
func (v *verifier) order(e Entry, head Head) bool {
	switch {
	case e.Seq == head.Seq+1 && e.Prev == head.Hash:
	case e.Seq == head.Seq+1:
		v.problem(e.Seq, "altered", "the entry does not follow entry %d: one of the two was replaced", head.Seq)
	case e.Seq > head.Seq+1:
		v.problem(head.Seq+1, "removed", "entries %d to %d are missing", head.Seq+1, e.Seq-1)
	default:
		v.problem(e.Seq, "reordered", "entry %d stands after entry %d", e.Seq, head.Seq)
		return false
	}
	return true
}

// compare looks for the heads that were kept and not met.
func (v *verifier) compare() {
	for _, kept := range v.heads {
		switch {
		case v.met[kept] || kept.Seq == 0:
		case v.tomb != nil && kept.Seq == v.tomb.Seq && kept.Hash != v.tomb.Hash:
			v.problem(kept.Seq, "replaced", "the removed entry is not the one of the head that was kept")
		case v.tomb != nil && kept.Seq <= v.tomb.Seq: // removed by retention
		case kept.Seq > v.got.Head.Seq:
			v.problem(v.got.Head.Seq+1, "truncated", "the log ends with entry %d, and reached entry %d", v.got.Head.Seq, kept.Seq)
		default:
			v.problem(kept.Seq, "removed", "the entry of the head that was kept is missing")
		}
	}
}
