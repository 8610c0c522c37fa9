package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"stead"
	"stead/internal/store"
)

// outbox is a store's pending records, with an acknowledgement that can fail.
type outbox struct {
	mu      sync.Mutex
	pending []store.PendingRecord
	fail    error
	woken   chan struct{}
}

func (o *outbox) PendingRecords(_ context.Context, limit int) ([]store.PendingRecord, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pending[:min(limit, len(o.pending))], nil
}

func (o *outbox) AckRecords(_ context.Context, seq int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return o.fail
	}
	for len(o.pending) > 0 && o.pending[0].Seq <= seq {
		o.pending = o.pending[1:]
	}
	return nil
}

func (o *outbox) Watch(context.Context) <-chan struct{} { return o.woken }

func (o *outbox) add(f *fixture, from, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := from; i < from+n; i++ {
		f.clock.advance(time.Second)
		o.pending = append(o.pending, store.PendingRecord{Seq: int64(i), Record: stead.Record{ID: fmt.Sprint("r", i), Kind: stead.Change, Time: f.clock.Now()}})
	}
}

func TestShipOnce(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.SegmentSize = 8 << 10 })
	o := &outbox{fail: errors.New("on purpose")}
	o.add(f, 1, 3*shipBatch/2)
	first := &Shipper{Log: f.Log, Outbox: o}
	if err := first.Ship(t.Context()); !errors.Is(err, o.fail) {
		t.Errorf("a failing acknowledgement: %v", err)
	}
	if err := first.Ship(t.Context()); !errors.Is(err, o.fail) { // appended already, not acknowledged
		t.Errorf("a failing acknowledgement: %v", err)
	}
	f.append(20)
	o.fail = nil
	if err := (&Shipper{Log: f.Log, Outbox: o}).Ship(t.Context()); err != nil { // as after a crash
		t.Fatal(err)
	}
	o.add(f, 5000, 3)
	if err := first.Ship(t.Context()); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	if _, err := f.each(t.Context(), &Filter{Kinds: []stead.RecordKind{stead.Change}}, func(e *Entry) error {
		count[e.Record.ID]++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(count) != 3*shipBatch/2+3 || len(o.pending) != 0 {
		t.Errorf("%d records were shipped, %d are left", len(count), len(o.pending))
	}
	for id, n := range count {
		if n != 1 {
			t.Errorf("%s was shipped %d times", id, n)
		}
	}
}

func TestShipperRuns(t *testing.T) {
	f := newFixture(t, nil)
	o := &outbox{woken: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		(&Shipper{Log: f.Log, Outbox: o, Failed: func(err error) { t.Error(err) }}).Run(ctx)
	}()
	o.woken <- struct{}{} // the first round is over, or about to begin with nothing
	o.woken <- struct{}{}
	o.add(f, 1, 1)
	o.woken <- struct{}{}
	o.woken <- struct{}{} // taken after the round before ended
	cancel()
	<-done
	f.wantWhole(1)
}
