package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stead"
	"stead/internal/govern"
	"stead/internal/push"
	"stead/internal/push/postgres"
	"stead/internal/reconcile"
)

// openPush makes what keeps platforms that enforce natively where the world says. The id of this installation lies in
// the store: servers of one store are one installation, and a platform is governed by one.
func (a *App) openPush(ctx context.Context) (err error) {
	if a.instance, err = a.Store.Mark(ctx, "instance", a.pins.keys[:32], false); err != nil {
		return err
	}
	observed := newPushMetrics()
	a.Push = reconcile.New(reconcile.Options{World: a.World.World, WaitFor: a.World.WaitFor, Open: a.openPlatform, Build: reconcile.Build,
		Collected: a.Collected.Status, MarkDrifted: a.Govern.MarkDrifted, Record: a.Audit.Append, Metrics: observed, Log: a.Log})
	a.metrics.registry.MustRegister(observed.seconds, observed.failures, observed.drift, &pushLag{statuses: a.Push.Statuses})
	return nil
}

// openPlatform is a reconcile.Opener.
func (a *App) openPlatform(ctx context.Context, c stead.Connection) (push.Platform, error) {
	if c.Platform != stead.PostgreSQL {
		return nil, stead.Errorf(stead.Unsupported, "connections of platform %q are not offered yet", c.Platform)
	}
	p, err := a.openPostgres(ctx, c)
	if err != nil {
		return nil, err // not a platform that is nil inside
	}
	return p, nil
}

func (a *App) openPostgres(ctx context.Context, c stead.Connection) (*postgres.Platform, error) {
	settings, err := push.ParseSettings(c.Settings)
	if err != nil {
		return nil, err
	}
	password, given := reconcile.PasswordOf(ctx)
	if !given && c.Credential != "" {
		if password, err = a.Keeper.Credential(ctx, c.Credential); err != nil {
			return nil, err
		}
	}
	return postgres.Open(ctx, postgres.Config{Address: c.Address, Password: password, Settings: settings, Connection: c.Key,
		Instance: a.instance, Log: a.Log, Key: func(_ context.Context, id string) (string, error) { return a.hashKey(id) }})
}

// crawlPostgres lists what could be registered there.
func (a *App) crawlPostgres(ctx context.Context, c stead.Connection) (found []govern.Discovered, err error) {
	p, err := a.openPostgres(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closed := p.Close(); err == nil {
			err = closed
		}
	}()
	return p.Crawl(ctx)
}

// pushMetrics implements reconcile.Metrics.
type pushMetrics struct {
	seconds  *prometheus.HistogramVec
	failures *prometheus.CounterVec
	drift    *prometheus.GaugeVec
}

func newPushMetrics() *pushMetrics {
	return &pushMetrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "stead_push_applied_seconds",
			Help: "Time of plans that were applied to platforms.", Buckets: prometheus.ExponentialBuckets(0.002, 4, 10)}, []string{"connection"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "stead_push_failures_total",
			Help: "Plans that could not be applied."}, []string{"connection"}),
		drift: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "stead_push_drift",
			Help: "Differences that the last look at a platform found."}, []string{"connection"}),
	}
}

// Applied implements reconcile.Metrics.
func (m *pushMetrics) Applied(connection string, took time.Duration, err error) {
	if err != nil {
		m.failures.WithLabelValues(connection).Inc()
		return
	}
	m.seconds.WithLabelValues(connection).Observe(took.Seconds())
}

// Drifted implements reconcile.Metrics.
func (m *pushMetrics) Drifted(connection string, found int) {
	m.drift.WithLabelValues(connection).Set(float64(found))
}

// pushLag tells how far platforms are behind the world when it is asked.
type pushLag struct{ statuses func() []reconcile.Status }

var (
	lagDesc = prometheus.NewDesc("stead_push_revision_lag", "Revisions that a platform is behind the world.", []string{"connection"}, nil)
	nowDesc = prometheus.NewDesc("stead_push_current", "1 where a platform enforces what the world says, else 0.", []string{"connection", "phase"}, nil)
)

// Describe implements prometheus.Collector.
func (l *pushLag) Describe(out chan<- *prometheus.Desc) { out <- lagDesc; out <- nowDesc }

// Collect implements prometheus.Collector.
func (l *pushLag) Collect(out chan<- prometheus.Metric) {
	for _, s := range l.statuses() {
		current := 0.0
		if s.Phase == reconcile.Current || s.Phase == reconcile.Off {
			current = 1
		}
		out <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, float64(max(0, s.World-s.Applied)), s.Connection)
		out <- prometheus.MustNewConstMetric(nowDesc, prometheus.GaugeValue, current, s.Connection, string(s.Phase))
	}
}
