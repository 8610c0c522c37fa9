package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// memory is the gateway's resident memory while a tenth of the table streams to 1 and to 8
// clients, in a process that did nothing before.
func (b *benches) memory(ctx context.Context, rep *report) (err error) {
	s, err := startServed(ctx, b.o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	q := &queries[3]
	for _, n := range []int{1, 8} {
		readers := make([]*client, n)
		for i := range readers {
			if readers[i], err = dial(ctx, s.Unlogged, s.Key); err != nil {
				return err
			}
			if err := readers[i].prepare(ctx, "q", q.governedText("masked")); err != nil {
				return err
			}
		}
		before, err := resident(s.cmd.Process.Pid)
		if err != nil {
			return err
		}
		peak, err := peakOf(s.cmd.Process.Pid, func() error {
			errs := make([]error, n)
			var all sync.WaitGroup
			for i, r := range readers {
				all.Go(func() { _, errs[i] = r.prepared(ctx, "q", q.arg(b.o.rows, twoMasks)) })
			}
			all.Wait()
			return errors.Join(errs...)
		})
		if err != nil {
			return err
		}
		part := "memory of the gateway's process while streaming"
		rep.add(figure{Part: part, What: fmt.Sprintf("%d clients: before", n), Value: before, Unit: "MiB"})
		rep.add(figure{Part: part, What: fmt.Sprintf("%d clients: peak", n), Value: peak, Unit: "MiB"})
	}
	return nil
}

// peakOf looks at a process while fn runs.
func peakOf(pid int, fn func() error) (float64, error) {
	over, peak := make(chan struct{}), 0.0
	var looked error
	var watch sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				now, err := resident(pid)
				peak, looked = max(peak, now), errors.Join(looked, err)
			}
		}
	})
	err := fn()
	close(over)
	watch.Wait()
	return peak, errors.Join(err, looked)
}

// resident is a process's memory in MiB.
func resident(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("the system does not tell the resident memory")
}
