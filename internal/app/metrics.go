package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics counts what happens. It has a registry of its own and implements gateway.Metrics.
type metrics struct {
	registry    *prometheus.Registry
	connections prometheus.Gauge
	signIns     *prometheus.CounterVec
	statements  *prometheus.CounterVec
	rows        prometheus.Counter
	seconds     prometheus.Histogram
}

func newMetrics(a *App) *metrics {
	m := &metrics{
		registry:    prometheus.NewRegistry(),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Name: "stead_gateway_connections", Help: "Client connections open now."}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "stead_gateway_sign_ins_total",
			Help: "Sign-ins at the gateway, by whether they succeeded."}, []string{"ok"}),
		statements: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "stead_gateway_statements_total",
			Help: "Statements at the gateway, by SQLSTATE."}, []string{"sqlstate"}),
		rows:    prometheus.NewCounter(prometheus.CounterOpts{Name: "stead_gateway_rows_total", Help: "Rows sent to clients."}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "stead_gateway_statement_seconds", Help: "Time of statements.", Buckets: prometheus.ExponentialBuckets(0.0005, 4, 10)}),
	}
	m.registry.MustRegister(m.connections, m.signIns, m.statements, m.rows, m.seconds,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "stead_world_revision", Help: "Revision that decisions are made from."},
			func() float64 { return float64(a.World.Current().Revision) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "stead_store_age_seconds", Help: "Time since the store last answered."},
			func() float64 { return a.World.Current().Age.Seconds() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "stead_uptime_seconds", Help: "Time since the process started."},
			func() float64 { return time.Since(a.started).Seconds() }))
	return m
}

// Connection implements gateway.Metrics.
func (m *metrics) Connection(open int) { m.connections.Set(float64(open)) }

// SignIn implements gateway.Metrics.
func (m *metrics) SignIn(ok bool) {
	if ok {
		m.signIns.WithLabelValues("true").Inc()
		return
	}
	m.signIns.WithLabelValues("false").Inc()
}

// Statement implements gateway.Metrics.
func (m *metrics) Statement(sqlstate string, rows int64, seconds float64) {
	m.statements.WithLabelValues(sqlstate).Inc()
	m.rows.Add(float64(rows))
	m.seconds.Observe(seconds)
}
