// Package audit keeps the records of who asked for what in whose stead. Each writer has one chain
// of JSON lines, in segments below a folder of its own; each line holds the hash of the line before, and
// signed checkpoints fix the chain up to them. docs/audit.md has the format for readers.
package audit

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"stead"
	"stead/internal/keys"
)

// Options say how a log is kept. Dir, Writer and Keeper are required, zero of the others is the default.
type Options struct {
	// Dir is the audit folder; each writer has its folder below.
	Dir string
	// Writer names this writer of the folder: a-z, 0-9 and -.
	Writer string
	Keeper keys.Keeper
	// StatementLimit is how many bytes of a statement are kept. Default 16 KiB.
	StatementLimit int
	// SegmentSize and SegmentAge end a segment. Defaults 64 MiB and 24 h.
	SegmentSize int64
	SegmentAge  time.Duration
	// CheckpointEvery is how often the chain is signed while there are new records. Default 1 min.
	CheckpointEvery time.Duration
	// Retain is for how long closed segments are kept; 0 is for ever.
	Retain time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	if o.StatementLimit <= 0 {
		o.StatementLimit = 16 << 10
	}
	if o.SegmentSize <= 0 {
		o.SegmentSize = 64 << 20
	}
	def(&o.SegmentAge, 24*time.Hour)
	def(&o.CheckpointEvery, time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Log is one writer's log. All methods are safe for concurrent use.
type Log struct {
	opt  Options
	dir  string // of the writer
	lock *os.File
	// turn is held by whoever writes: one writes and flushes what all that wait have queued.
	turn chan struct{}
	w    *writer // only with the turn
	stop context.CancelFunc
	done chan struct{}

	mu     sync.Mutex
	queue  []*item
	closed bool
	state  Status
	open   *index  // of the open segment, nil if there is none
	past   []index // of the closed segments, oldest first
}

// item is a batch that waits.
type item struct {
	records []stead.Record
	bodies  [][]byte
	done    chan struct{}
	err     error // once done is closed
}

// Status is how the log is.
type Status struct {
	// Head is where the durable chain ends.
	Head Head `json:"head"`
	// Unsigned is how many lines follow the last checkpoint.
	Unsigned int64 `json:"unsigned"`
	Segments int   `json:"segments"`
	// Err is why the last attempt to write failed, nil if it did not.
	Err error `json:"-"`
}

// Open opens the writer's chain, and begins it if there is none. What a killed process left
// unfinished at the end, and so never acknowledged, is cut off, and a record says so. Anything else that
// does not fit is damage: a stead.Conflict, and nothing is touched. So is a writer that another process has open.
func Open(ctx context.Context, opt Options) (*Log, error) {
	opt = opt.withDefaults()
	if err := checkWriter(opt.Writer); err != nil {
		return nil, err
	}
	dir := filepath.Join(opt.Dir, opt.Writer)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, away(err)
	}
	if err := errors.Join(syncDir(opt.Dir), syncDir(filepath.Dir(opt.Dir))); err != nil {
		return nil, away(err)
	}
	sign, err := newSigner(ctx, opt.Keeper)
	if err != nil {
		return nil, err
	}
	lock, err := lockFolder(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	l := &Log{opt: opt, dir: dir, lock: lock, turn: make(chan struct{}, 1), done: make(chan struct{})}
	if err := l.recover(ctx, sign); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	ctx, l.stop = context.WithCancel(context.Background())
	go l.attend(ctx)
	return l, nil
}

// attend signs and ends segments as time goes by.
func (l *Log) attend(ctx context.Context) {
	defer close(l.done)
	ticker := time.NewTicker(l.opt.CheckpointEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			// What failed is in the status, and is tried again.
			_ = l.Checkpoint(ctx)
			_ = l.expire(ctx)
		}
	}
}

// Append appends a record and returns when it is durable. Whatever it returns but nil means that the
// record may be missing: the caller must not answer. A full or missing disk is stead.Unavailable; it
// works again when the disk does. When ctx ends first the record may have been appended.
func (l *Log) Append(ctx context.Context, r stead.Record) error {
	return l.AppendBatch(ctx, []stead.Record{r})
}

// AppendBatch appends records next to each other, all or none.
func (l *Log) AppendBatch(ctx context.Context, records []stead.Record) error {
	if len(records) == 0 {
		return nil
	}
	it := &item{records: append([]stead.Record(nil), records...), bodies: make([][]byte, len(records)), done: make(chan struct{})}
	for i := range it.records {
		var err error
		if it.bodies[i], err = l.body(&it.records[i]); err != nil {
			return err
		}
	}
	if err := l.enqueue(it); err != nil {
		return err
	}
	select {
	case <-it.done:
	case <-ctx.Done():
		return canceled(ctx)
	case l.turn <- struct{}{}:
		l.flushQueue()
		<-l.turn
		<-it.done // it was in the queue, of this turn or of one before
	}
	return it.err
}

func (l *Log) enqueue(it *item) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return stead.Errorf(stead.Unavailable, "the audit log is closed").WithHint("the server is stopping; try again later")
	}
	l.queue = append(l.queue, it)
	return nil
}

// flushQueue writes what is queued. The caller has the turn.
func (l *Log) flushQueue() {
	l.mu.Lock()
	queue := l.queue
	l.queue = nil
	l.mu.Unlock()
	if len(queue) == 0 {
		return
	}
	err := l.w.write(queue)
	l.publish(err)
	for _, it := range queue {
		it.err = err
		close(it.done)
	}
}

// withTurn runs fn as the one that writes.
func (l *Log) withTurn(ctx context.Context, fn func() error) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
		return fn()
	case <-ctx.Done():
		return canceled(ctx)
	}
}

// Checkpoint signs the chain if anything follows the last checkpoint, and ends a segment that is old enough.
func (l *Log) Checkpoint(ctx context.Context) error {
	return l.withTurn(ctx, func() error {
		l.flushQueue()
		err := l.w.checkpoint()
		l.publish(err)
		return err
	})
}

// Close signs what is not signed yet and gives the writer free.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	l.stop()
	<-l.done
	err := l.Checkpoint(context.Background())
	l.turn <- struct{}{} // for good: nobody writes any more
	return errors.Join(err, l.w.close(), l.lock.Close())
}

// publish shows readers what is durable. The caller has the turn.
func (l *Log) publish(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open, l.past = nil, l.w.past
	if l.w.file != nil {
		open := l.w.open.clone()
		l.open = &open
	}
	l.state = Status{Head: l.w.head, Unsigned: l.w.unsigned, Segments: len(l.past), Err: err}
	if l.open != nil {
		l.state.Segments++
	}
}

// Status tells how the log is.
func (l *Log) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// note makes the log's own record.
func (l *Log) note(operation, details string) *item {
	r := stead.Record{ID: NewID(), Kind: stead.System, Time: l.opt.Now().UTC(), Status: stead.Success,
		Actor: stead.Actor{Login: "stead"}, Operation: operation, ObjectKind: "audit", Details: details}
	body, err := json.Marshal(r)
	return &item{records: []stead.Record{r}, bodies: [][]byte{body}, done: make(chan struct{}), err: err}
}
