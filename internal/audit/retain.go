package audit

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// expire removes closed segments that ended longer ago than they are retained, oldest first. The
// tombstone is durable before a segment goes, and a record tells what went.
func (l *Log) expire(ctx context.Context) error {
	if l.opt.Retain <= 0 {
		return nil
	}
	return l.withTurn(ctx, func() error {
		err := l.w.expire(func(details string) *item { return l.note("delete", details) })
		if err != nil {
			err = away(err)
		}
		l.publish(err)
		return err
	})
}

func (w *writer) expire(note func(details string) *item) error {
	limit, n := w.opt.Now().Add(-w.opt.Retain), 0
	for n < len(w.past) && !w.past[n].Closed.IsZero() && w.past[n].Closed.Before(limit) {
		n++
	}
	if n == 0 {
		return nil
	}
	first, last := w.past[0], w.past[n-1]
	// The record first: were the segments gone and the disk full, nothing would tell.
	if err := w.write([]*item{note(fmt.Sprintf("retention removed entries %d to %d", first.First, last.Last))}); err != nil {
		return err
	}
	t := &Tombstone{Head: Head{Writer: w.head.Writer, Seq: last.Last, Hash: last.Hash}, Time: w.opt.Now().UTC(), Key: w.sign.version}
	t.Signature = ed25519.Sign(w.sign.key, t.message())
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(w.dir, tombstoneName), b); err != nil {
		return err
	}
	for _, x := range w.past[:n] {
		if err := removeSegment(segment{path: filepath.Join(w.dir, segmentName(x.First)), first: x.First}); err != nil {
			return err
		}
		w.past = w.past[1:]
	}
	return nil
}

func removeSegment(s segment) error {
	err := os.Remove(s.indexPath())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// finishRemoval removes the segments before the tombstone that a killed process left, and returns the others.
func finishRemoval(segs []segment, t *Tombstone) ([]segment, error) {
	for len(segs) > 0 && segs[0].first <= t.Seq {
		if err := removeSegment(segs[0]); err != nil {
			return nil, away(err)
		}
		segs = segs[1:]
	}
	return segs, nil
}
