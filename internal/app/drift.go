package app

import (
	"context"
	"time"

	"stead"
)

// driftEvery is how often the data behind the data sources is looked at when nobody asks for it; a
// statement looks at what it reads by itself.
const driftEvery = 5 * time.Minute

// watchDrift marks data sources whose data no longer fits their registration, so that they are refused
// with the reason until somebody looks at them.
func (a *App) watchDrift(ctx context.Context) {
	ticker := time.NewTicker(driftEvery)
	defer ticker.Stop()
	for {
		a.lookForDrift(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (a *App) lookForDrift(ctx context.Context) {
	w, err := a.World.World()
	if err != nil {
		return // the follower tells of it
	}
	for _, c := range w.Connections() {
		if c.Platform != stead.Embedded || c.Disabled {
			continue
		}
		for _, d := range w.Sources(c.Key) {
			if d.State != stead.Active || ctx.Err() != nil {
				continue
			}
			reason, err := a.gateway.engines.Drift(ctx, c, d)
			if err != nil {
				a.Log.Warn("a data source could not be looked at", "source", d.Object().String(), "cause", err)
				continue
			}
			if reason == "" {
				continue
			}
			a.drifted(ctx, d.Object(), reason)
		}
	}
}

// drifted marks a data source, so that it is refused until somebody looks at it even when the old data comes back.
func (a *App) drifted(ctx context.Context, o stead.Object, reason string) {
	a.Log.Warn("a data source changed since it was registered and is refused now", "source", o.String(), "reason", reason)
	if err := a.Govern.MarkDrifted(ctx, o, reason); err != nil {
		a.Log.Error("a drifted data source could not be marked", "source", o.String(), "cause", err)
	}
}
