package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"stead"
	"stead/internal/audit"
	"stead/internal/keys/file"
)

// records measures the audit log: records of a usual size, chained and durable when Append returns.
func records(ctx context.Context, rep *report, o options) (err error) {
	dir, err := os.MkdirTemp(o.dir, "audit-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	keeper, err := file.Open(filepath.Join(dir, "keys"))
	if err != nil {
		return err
	}
	log, err := audit.Open(ctx, audit.Options{Dir: filepath.Join(dir, "audit"), Writer: "bench", Keeper: keeper})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	const part = "audit records, chained and flushed"
	for _, k := range []struct {
		what           string
		writers, batch int
	}{{"one writer, one at a time", 1, 1}, {"64 writers, one at a time", 64, 1}, {"512 writers, one at a time", 512, 1}, {"8 writers, 100 at a time", 8, 100}} {
		rate, err := appendRate(ctx, log, k.writers, k.batch, o.seconds)
		if err != nil {
			return err
		}
		f := figure{Part: part, What: k.what, Value: rate, Unit: "records/s"}
		if k.batch > 1 {
			rep.against(f, ">= 50,000 records/s", rate >= 50_000)
			continue
		}
		rep.add(f)
	}
	return nil
}

func appendRate(ctx context.Context, log *audit.Log, writers, size int, d time.Duration) (float64, error) {
	done, errs := make([]int, writers), make([]error, writers)
	var all sync.WaitGroup
	began := time.Now()
	for w := range writers {
		all.Go(func() {
			for errs[w] == nil && time.Since(began) < d {
				batch := make([]stead.Record, size)
				for i := range batch {
					batch[i] = usualRecord()
				}
				errs[w] = log.AppendBatch(ctx, batch)
				done[w] += size
			}
		})
	}
	all.Wait()
	sum := 0
	for _, n := range done {
		sum += n
	}
	return float64(sum) / time.Since(began).Seconds(), errors.Join(errs...)
}

func usualRecord() stead.Record {
	source := stead.Object{Connection: "lake", Kind: stead.TableObject, Path: []string{"bench", "masked"}}
	return stead.Record{ID: audit.NewID(), Kind: stead.QueryIntent, Time: time.Now().UTC(), Status: stead.Success,
		Actor:     stead.Actor{Identity: 2, IAM: stead.DefaultIAM, Name: "bi@example.com", Login: "bi@example.com", Method: "scram"},
		Subject:   stead.Subject{Identity: 3, IAM: stead.DefaultIAM, Name: analyst},
		Statement: "select id, tenant, amount, email, ssn from bench.masked where id = 4711",
		Targets:   []stead.RecordTarget{{Object: source}}}
}
