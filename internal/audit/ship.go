package audit

import (
	"context"
	"time"

	"stead"
	"stead/internal/store"
)

const (
	shipBatch = 500
	// shipRetry is how long shipping waits after a failure.
	shipRetry = time.Second
)

// Outbox is what shipping asks of the store.
type Outbox interface {
	PendingRecords(ctx context.Context, limit int) ([]store.PendingRecord, error)
	AckRecords(ctx context.Context, seq int64) error
	Watch(ctx context.Context) <-chan struct{}
}

var _ Outbox = store.Store(nil)

// Shipper moves the records that committed with changes into the log, each once. One that was appended
// and not acknowledged, because the process was killed between the two, is known by its id.
type Shipper struct {
	Log    *Log
	Outbox Outbox
	// Failed, if set, hears of every failure; shipping is tried again.
	Failed func(error)
	// certain says that nothing of what is pending can be in the log.
	certain bool
}

// Run ships until ctx ends.
func (s *Shipper) Run(ctx context.Context) {
	woken := s.Outbox.Watch(ctx)
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-woken:
		case <-retry.C:
		}
		if err := s.Ship(ctx); err != nil && ctx.Err() == nil {
			if s.Failed != nil {
				s.Failed(err)
			}
			retry.Reset(shipRetry)
		}
	}
}

// Ship moves everything that is pending now. It must not run twice at a time.
func (s *Shipper) Ship(ctx context.Context) error {
	for {
		pending, err := s.Outbox.PendingRecords(ctx, shipBatch)
		if err != nil || len(pending) == 0 {
			return err
		}
		if err := s.move(ctx, pending); err != nil {
			return err
		}
	}
}

func (s *Shipper) move(ctx context.Context, pending []store.PendingRecord) error {
	records := make([]stead.Record, len(pending))
	for i, p := range pending {
		records[i] = p.Record
	}
	if !s.certain {
		known, err := s.Log.contains(ctx, records)
		if err != nil {
			return err
		}
		fresh := records[:0]
		for _, r := range records {
			if !known[r.ID] {
				fresh = append(fresh, r)
			}
		}
		records = fresh
	}
	s.certain = false
	if err := s.Log.AppendBatch(ctx, records); err != nil {
		return err
	}
	if err := s.Outbox.AckRecords(ctx, pending[len(pending)-1].Seq); err != nil {
		return err
	}
	s.certain = true
	return nil
}

// contains reports which of the records are in the log already. It looks only where records of their
// times are.
func (l *Log) contains(ctx context.Context, records []stead.Record) (map[string]bool, error) {
	wanted, found := map[string]bool{}, map[string]bool{}
	var f Filter
	for i := range records {
		r := &records[i]
		wanted[r.ID] = true
		if i == 0 || r.Time.Before(f.From) {
			f.From = r.Time
		}
		if i == 0 || !r.Time.Before(f.To) {
			f.To = r.Time.Add(1)
		}
	}
	_, err := l.each(ctx, &f, func(e *Entry) error {
		if wanted[e.Record.ID] {
			found[e.Record.ID] = true
		}
		return nil
	})
	return found, err
}
