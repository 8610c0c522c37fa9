package audit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"strconv"
)

// walker holds what both directions share.
type walker struct {
	ctx    context.Context
	chain  chain
	filter *Filter
	file   *os.File
	steps  int
	bad    int
}

func (w *walker) writer() string { return w.chain.writer }
func (w *walker) broken() int    { return w.bad }

func (w *walker) close() {
	if w.file != nil {
		_ = w.file.Close() // only read
		w.file = nil
	}
}

// open opens a segment; one that retention removed meanwhile is none.
func (w *walker) open(x *index) (bool, error) {
	w.close()
	f, err := os.Open(w.chain.path(x))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, away(err)
	}
	w.file = f
	return true, nil
}

// decode returns the entry of a line if it is a record that the filter selects.
func (w *walker) decode(line []byte) *Entry {
	if seqOf(line) > 0 && bytes.Contains(line[:min(len(line), 256)], []byte(`,"checkpoint":{`)) {
		return nil
	}
	e, err := parseLine(line)
	if err != nil {
		w.bad++
		return nil
	}
	if e.Record == nil {
		return nil
	}
	if e.Record = w.filter.shown(e.Record); !w.filter.match(e.Record) {
		return nil
	}
	return &e
}

func (w *walker) canceled() error {
	if w.steps++; w.steps%256 == 0 && w.ctx.Err() != nil {
		return canceled(w.ctx)
	}
	return nil
}

// seqOf reads the number of a line without decoding it, 0 if it has none.
func seqOf(line []byte) int64 {
	_, rest, ok := bytes.Cut(line[:min(len(line), 128)], []byte(`,"seq":`))
	digits, _, ok2 := bytes.Cut(rest, []byte(","))
	if !ok || !ok2 {
		return 0
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// backward walks a chain from its end, below a number.
type backward struct {
	walker
	before int64
	part   int // the next segment to open
	lines  *reverse
}

func newBackward(ctx context.Context, c chain, f *Filter, before int64) *backward {
	if before == 0 {
		before = math.MaxInt64
	}
	return &backward{walker: walker{ctx: ctx, chain: c, filter: f}, before: before, part: len(c.parts) - 1}
}

func (b *backward) position() int64 {
	if b.lines == nil && b.part < 0 {
		return 1
	}
	if b.before == math.MaxInt64 && len(b.chain.parts) > 0 {
		return b.chain.parts[len(b.chain.parts)-1].Last + 1
	}
	return b.before
}

func (b *backward) next() (*Entry, error) {
	for {
		if b.lines == nil {
			if ok, err := b.openNext(); err != nil || !ok {
				return nil, err
			}
		}
		line, err := b.lines.next()
		if err == io.EOF {
			b.lines = nil
			continue
		}
		if err != nil {
			return nil, away(err)
		}
		if err := b.canceled(); err != nil {
			return nil, err
		}
		seq := seqOf(line)
		if seq >= b.before {
			continue
		}
		if seq > 0 {
			b.before = seq
		}
		if e := b.decode(line); e != nil {
			return e, nil
		}
	}
}

// openNext opens the next older segment that may match, and reports whether there is one.
func (b *backward) openNext() (bool, error) {
	for ; b.part >= 0; b.part-- {
		x := &b.chain.parts[b.part]
		if x.First >= b.before || !b.filter.passes(x) {
			continue
		}
		ok, err := b.open(x)
		if err != nil {
			return false, err
		}
		if ok {
			b.lines = newReverse(b.file, x.Size)
			b.part--
			return true, nil
		}
	}
	return false, nil
}

// forward walks a chain from its beginning.
type forward struct {
	walker
	part  int
	lines *lines
	at    int64
}

func newForward(ctx context.Context, c chain, f *Filter) *forward {
	return &forward{walker: walker{ctx: ctx, chain: c, filter: f}}
}

func (w *forward) position() int64 { return w.at + 1 }

func (w *forward) next() (*Entry, error) {
	for {
		if w.lines == nil {
			if ok, err := w.openNext(); err != nil || !ok {
				return nil, err
			}
		}
		line, err := w.lines.next()
		if err == io.EOF {
			w.lines = nil
			continue
		}
		if err != nil {
			return nil, away(err)
		}
		if err := w.canceled(); err != nil {
			return nil, err
		}
		if e := w.decode(line); e != nil {
			w.at = e.Seq
			return e, nil
		}
	}
}

func (w *forward) openNext() (bool, error) {
	for ; w.part < len(w.chain.parts); w.part++ {
		x := &w.chain.parts[w.part]
		if !w.filter.passes(x) {
			continue
		}
		ok, err := w.open(x)
		if err != nil {
			return false, err
		}
		if ok {
			w.lines = newLines(io.LimitReader(w.file, x.Size))
			w.part++
			return true, nil
		}
	}
	return false, nil
}

// each calls fn for every record that the filter selects, oldest first, of all writers. It returns how
// many lines could not be read.
func (l *Log) each(ctx context.Context, f *Filter, fn func(*Entry) error) (int, error) {
	chains, err := l.chains(ctx)
	if err != nil {
		return 0, err
	}
	m := &merge{}
	defer m.close()
	for _, c := range chains {
		m.add(newForward(ctx, c, f))
	}
	for {
		e, err := m.next()
		if err != nil || e == nil {
			return m.damaged(), err
		}
		if err := fn(e); err != nil {
			return m.damaged(), err
		}
	}
}
