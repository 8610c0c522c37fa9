package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// recover finds the end of the chain on the disk and gets ready to go on from there.
func (l *Log) recover(ctx context.Context, sign signer) error {
	w := &writer{opt: l.opt, dir: l.dir, openFile: osFile, sign: sign, head: Head{Writer: l.opt.Writer}}
	l.w = w
	tomb, err := readTombstone(l.dir)
	if err != nil {
		return err
	}
	segs, err := segments(l.dir)
	if err != nil {
		return err
	}
	if tomb != nil {
		if err := tomb.check(l.opt.Writer, KeysOf(ctx, l.opt.Keeper)); err != nil {
			return damaged(tombstoneName, tomb.Seq, err.Error())
		}
		w.head = tomb.Head
		if segs, err = finishRemoval(segs, tomb); err != nil {
			return err
		}
	}
	for i, s := range segs {
		if i == len(segs)-1 {
			if err := l.recoverLast(ctx, s); err != nil {
				return err
			}
			break
		}
		x, err := loadIndex(ctx, s)
		if err != nil {
			return err
		}
		if x.First != w.head.Seq+1 {
			return damaged(filepath.Base(s.path), x.First, fmt.Sprintf("it should begin with entry %d", w.head.Seq+1))
		}
		if x.Closed.IsZero() {
			return damaged(filepath.Base(s.path), x.Last, "the segment's end is missing")
		}
		w.past = append(w.past, x)
		w.head.Seq, w.head.Hash = x.Last, x.Hash
	}
	l.publish(nil)
	return removeLeftovers(l.dir)
}

// removeLeftovers removes the files that a killed process had not renamed yet.
func removeLeftovers(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "new-*"))
	for _, name := range names {
		err = errors.Join(err, os.Remove(name))
	}
	if err != nil {
		return away(err)
	}
	return nil
}

// recoverLast reads the last segment whole: its end is where the chain goes on.
func (l *Log) recoverLast(ctx context.Context, s segment) error {
	w, name := l.w, filepath.Base(s.path)
	if s.first != w.head.Seq+1 {
		return damaged(name, s.first, fmt.Sprintf("it should begin with entry %d", w.head.Seq+1))
	}
	rest, err := scan(ctx, s.path, -1, func(line []byte) error {
		if !w.open.Closed.IsZero() {
			return damaged(name, w.head.Seq, "entries follow the end of the segment")
		}
		e, head, err := follow(line, w.head)
		if err != nil {
			return damaged(name, w.head.Seq+1, err.Error())
		}
		w.open.add(e.Seq, e.Hash, len(line), e.Record, e.Checkpoint)
		w.head = head
		if w.unsigned++; e.Checkpoint != nil {
			w.unsigned = 0
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !w.open.Closed.IsZero() {
		if rest > 0 {
			return damaged(name, w.head.Seq, "something follows the end of the segment")
		}
		w.past = append(w.past, w.open.clone())
		return indexIfMissing(s, &w.open)
	}
	return l.reopen(s, rest)
}

// reopen goes on in the last segment, without the unfinished line at its end.
func (l *Log) reopen(s segment, rest int64) error {
	w := l.w
	f, err := w.openFile(s.path, os.O_RDWR)
	if err != nil {
		return away(err)
	}
	w.file, w.path, w.born = f, s.path, l.opt.Now()
	if w.open.Count > 0 {
		w.born = w.open.Min
	}
	if rest > 0 {
		// Its write never ended, so that nobody was told that it is there.
		w.dirty = true
		w.first = l.note("recover", fmt.Sprintf("%d bytes of an unfinished entry %d were removed", rest, w.head.Seq+1))
		return w.first.err
	}
	return nil
}

// follow decodes a line and checks that it follows head.
func follow(line []byte, head Head) (Entry, Head, error) {
	h, ok := hashOf(line)
	if !ok {
		return Entry{}, head, fmt.Errorf("its hash is not that of its bytes")
	}
	e, err := parseLine(line)
	switch {
	case err != nil:
		return Entry{}, head, err
	case e.Writer != head.Writer:
		return Entry{}, head, fmt.Errorf("it belongs to the writer %q", e.Writer)
	case e.Seq != head.Seq+1:
		return Entry{}, head, fmt.Errorf("it has the number %d", e.Seq)
	case e.Prev != head.Hash:
		return Entry{}, head, fmt.Errorf("it does not follow the entry before it")
	}
	return e, Head{Writer: head.Writer, Seq: e.Seq, Hash: h}, nil
}

// loadIndex reads a closed segment's index, or makes it from the segment.
func loadIndex(ctx context.Context, s segment) (index, error) {
	x, err := readIndex(ctx, s)
	if err != nil {
		return x, err
	}
	return x, indexIfMissing(s, &x)
}

// readIndex reads a segment's index, or computes what it should be from the whole lines of the segment.
func readIndex(ctx context.Context, s segment) (index, error) {
	var x index
	info, err := os.Stat(s.path)
	if err != nil {
		return x, away(err)
	}
	b, err := os.ReadFile(s.indexPath())
	if err == nil && json.Unmarshal(b, &x) == nil && x.First == s.first && x.Size == info.Size() {
		return x, nil
	}
	x = index{}
	_, err = scan(ctx, s.path, -1, func(line []byte) error {
		h, ok := hashOf(line)
		e, err := parseLine(line)
		if err != nil || !ok {
			return damaged(filepath.Base(s.path), x.Last+1, "it cannot be read")
		}
		x.add(e.Seq, h, len(line), e.Record, e.Checkpoint)
		return nil
	})
	return x, err
}

func indexIfMissing(s segment, x *index) error {
	if _, err := os.Stat(s.indexPath()); err == nil {
		return nil
	}
	if err := writeIndex(s, x); err != nil {
		return away(err)
	}
	return nil
}
