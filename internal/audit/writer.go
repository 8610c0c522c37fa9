package audit

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// file is what the writer asks of a segment's file; tests give one whose disk is full.
type file interface {
	WriteAt(b []byte, off int64) (int, error)
	Truncate(size int64) error
	Sync() error
	Stat() (os.FileInfo, error)
	Close() error
}

// openFile opens or creates a segment's file.
type openFile func(path string, flag int) (file, error)

func osFile(path string, flag int) (file, error) { return os.OpenFile(path, flag, 0o600) }

// writer writes one chain. It is used by one goroutine at a time. What it knows is what is durable:
// a write that fails leaves the chain as it was.
type writer struct {
	opt      Options
	dir      string
	openFile openFile
	sign     signer

	head     Head
	unsigned int64
	past     []index // of closed segments; never changed in place, readers have it
	// file is the open segment, nil if the last one is closed or could not be created.
	file  file
	path  string
	open  index
	born  time.Time // of the open segment
	dirty bool      // something may lie behind what is durable
	first *item     // goes before anything else
	buf   []byte
}

// write appends the items, or none of them.
func (w *writer) write(items []*item) error {
	if w.first != nil {
		items = slices.Insert(items, 0, w.first)
	}
	if err := w.ready(); err != nil {
		return away(err)
	}
	head, buf := w.head, w.buf[:0]
	written := make([]lineInfo, 0, len(items))
	for _, it := range items {
		for _, b := range it.bodies {
			start := len(buf)
			buf, head = appendLine(buf, head, "record", b)
			written = append(written, lineInfo{head.Seq, head.Hash, len(buf) - start})
		}
	}
	if err := w.flush(buf); err != nil {
		return away(err)
	}
	w.accept(items, written)
	w.unsigned += head.Seq - w.head.Seq
	w.head, w.first = head, nil
	if w.buf = buf; cap(buf) > 8<<20 {
		w.buf = nil
	}
	return nil
}

// lineInfo is what the index keeps of a line.
type lineInfo struct {
	seq  int64
	hash Hash
	size int
}

// accept takes what is durable now into the index.
func (w *writer) accept(items []*item, written []lineInfo) {
	n := 0
	for _, it := range items {
		for i := range it.records {
			w.open.add(written[n].seq, written[n].hash, written[n].size, &it.records[i], nil)
			n++
		}
	}
}

// flush makes the bytes durable at the end of the open segment, or leaves it as it was.
func (w *writer) flush(b []byte) error {
	size := w.open.Size
	w.dirty = true
	if _, err := w.file.WriteAt(b, size); err != nil {
		return errors.Join(err, w.cutOff())
	}
	if err := w.file.Sync(); err != nil {
		return errors.Join(err, w.cutOff())
	}
	w.dirty = false
	return nil
}

// cutOff removes what lies behind the durable end.
func (w *writer) cutOff() error {
	if err := w.file.Truncate(w.open.Size); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	w.dirty = false
	return nil
}

// ready sees to it that there is an open segment that can be written: the one at its path, not
// one whose folder was removed meanwhile, and with nothing behind its durable end.
func (w *writer) ready() error {
	if w.file != nil {
		if err := w.present(); err != nil {
			return err
		}
		if w.dirty {
			if err := w.cutOff(); err != nil {
				return err
			}
		}
		old := w.opt.Now().Sub(w.born) >= w.opt.SegmentAge
		if w.open.Count > 0 && (old || w.open.Size >= w.opt.SegmentSize) {
			if err := w.closeSegment(); err != nil {
				return err
			}
		}
	}
	if w.file == nil {
		return w.create()
	}
	return nil
}

// present fails when the open file is no longer the one in the folder: what is written to it then
// is lost although every write succeeds.
func (w *writer) present() error {
	at, err := os.Stat(w.path)
	if err != nil {
		return err
	}
	is, err := w.file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(at, is) {
		return fmt.Errorf("%s was replaced: %w", w.path, fs.ErrNotExist)
	}
	if is.Size() < w.open.Size {
		return fmt.Errorf("%s was cut from %d to %d bytes", w.path, w.open.Size, is.Size())
	}
	return nil
}

// create begins a segment. One that an earlier attempt left empty is used.
func (w *writer) create() error {
	path := filepath.Join(w.dir, segmentName(w.head.Seq+1))
	f, err := w.openFile(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > 0 {
		err = fmt.Errorf("%s is not empty", path)
	}
	if err == nil {
		err = errors.Join(f.Sync(), syncDir(w.dir))
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	w.file, w.path, w.open, w.dirty, w.born = f, path, index{}, false, w.opt.Now()
	return nil
}

// closeSegment signs the chain and ends the segment.
func (w *writer) closeSegment() error {
	if err := w.signChain(true); err != nil {
		return err
	}
	closed := w.open.clone()
	w.past = append(slices.Clone(w.past), closed)
	f := w.file
	w.file = nil
	// The index can be made again: a search is slower without it, nothing more.
	return errors.Join(f.Close(), writeIndex(segment{path: w.path, first: closed.First}, &closed))
}

func writeIndex(s segment, x *index) error {
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return writeFile(s.indexPath(), b)
}

// checkpoint signs what is not signed yet, and ends a segment that is old or large.
func (w *writer) checkpoint() error {
	if w.file == nil || w.open.Count == 0 {
		return nil
	}
	before := w.head
	if err := w.ready(); err != nil {
		return away(err)
	}
	if w.head != before || w.unsigned == 0 { // ended, or signed already
		return nil
	}
	if err := w.signChain(false); err != nil {
		return away(err)
	}
	return nil
}

// signChain appends a checkpoint.
func (w *writer) signChain(closes bool) error {
	c := &Checkpoint{Time: w.opt.Now().UTC(), Closes: closes, Key: w.sign.version}
	c.Signature = ed25519.Sign(w.sign.key, c.message(w.head))
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	line, head := appendLine(nil, w.head, "checkpoint", body)
	if err := w.flush(line); err != nil {
		return err
	}
	w.open.add(head.Seq, head.Hash, len(line), nil, c)
	w.head, w.unsigned = head, 0
	return nil
}

func (w *writer) close() error {
	if w.file == nil {
		return nil
	}
	f := w.file
	w.file = nil
	return f.Close()
}
