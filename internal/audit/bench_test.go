package audit

import (
	"path/filepath"
	"testing"

	"stead"
)

// BenchmarkAppend appends from many goroutines, each record durable before the next of its goroutine.
func BenchmarkAppend(b *testing.B) {
	for name, batch := range map[string]int{"single": 1, "batch of 100": 100} {
		b.Run(name, func(b *testing.B) {
			l, err := Open(b.Context(), Options{Dir: filepath.Join(b.TempDir(), "audit"), Writer: "w1", Keeper: &keeper{version: 1}})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			records := make([]stead.Record, batch)
			for i := range records {
				records[i] = query("ana", "bi")
			}
			b.SetParallelism(128)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := l.AppendBatch(b.Context(), records); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
