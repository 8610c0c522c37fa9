package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"stead/internal/reconcile"
)

// openCollection makes what keeps records of what was asked on platforms that enforce natively.
func (a *App) openCollection() {
	counted := newCollectMetrics()
	a.Collected = reconcile.NewCollection(reconcile.CollectOptions{World: a.World.World, Open: a.openPlatform, Audit: a.Audit, Metrics: counted, Log: a.Log})
	a.metrics.registry.MustRegister(counted.records, counted.gaps, &collectLag{statuses: a.Collected.Statuses})
}

// collectMetrics implements reconcile.CollectMetrics.
type collectMetrics struct{ records, gaps *prometheus.CounterVec }

func newCollectMetrics() *collectMetrics {
	return &collectMetrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "stead_collected_records_total",
			Help: "Records made afterwards of what platforms logged."}, []string{"connection"}),
		gaps: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "stead_collected_gaps_total",
			Help: "Gaps found in what platforms logged."}, []string{"connection"}),
	}
}

// Collected implements reconcile.CollectMetrics.
func (m *collectMetrics) Collected(connection string, records, gaps int) {
	m.records.WithLabelValues(connection).Add(float64(records))
	m.gaps.WithLabelValues(connection).Add(float64(gaps))
}

// collectLag tells how far collecting is when it is asked.
type collectLag struct{ statuses func() []reconcile.Collected }

var (
	behindDesc = prometheus.NewDesc("stead_collected_behind_bytes", "What a platform logged and was not read yet.", []string{"connection"}, nil)
	knownDesc  = prometheus.NewDesc("stead_collected_known", "1 where a platform tells what is asked there and can be read, or another server reads it, else 0.", []string{"connection"}, nil)
)

// Describe implements prometheus.Collector.
func (l *collectLag) Describe(out chan<- *prometheus.Desc) { out <- behindDesc; out <- knownDesc }

// Collect implements prometheus.Collector.
func (l *collectLag) Collect(out chan<- prometheus.Metric) {
	for _, s := range l.statuses() {
		known := 0.0
		if s.Error == "" && s.Missing == "" && (s.From != "" || s.Elsewhere) {
			known = 1
		}
		out <- prometheus.MustNewConstMetric(behindDesc, prometheus.GaugeValue, float64(s.Behind), s.Connection)
		out <- prometheus.MustNewConstMetric(knownDesc, prometheus.GaugeValue, known, s.Connection)
	}
}
