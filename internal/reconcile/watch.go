package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
)

// watch looks for drift and does about it what the connection's settings say. It returns what was found.
func (k *connection) watch(ctx context.Context, w *decide.World, c *stead.Connection) ([]push.Drift, error) {
	found, err := k.verify(ctx)
	if err != nil {
		return nil, err
	}
	k.lookAgain()
	k.note(ctx, found)
	told := slices.Clone(k.known) // with what is known of data sources that wait: they do not fit either
	policy := k.since.Settings.Drift
	if len(found) == 0 || policy == push.ReportDrift {
		return told, nil
	}
	repair := false
	for _, d := range found {
		switch {
		case d.Note:
		case d.Source != 0 && (policy == push.RefuseDrift || !d.Repairable):
			if err := k.refuse(ctx, w, c, d); err != nil {
				return told, err
			}
		case d.Repairable:
			repair = true
		}
	}
	if !repair {
		return told, nil
	}
	return told, k.repair(ctx, w)
}

// repair plans from scratch and looks whether that helped. What drifted again, or at once, is closed by its row.
func (k *connection) repair(ctx context.Context, w *decide.World) error {
	k.since = nil
	if err := k.bring(ctx, w, request{}, dueNothing); err != nil {
		return err
	}
	left, err := k.verify(ctx)
	if err != nil {
		return err
	}
	k.lookAgain()
	k.note(ctx, left)
	lasting := ""
	for _, d := range left {
		if !d.Repairable {
			continue
		}
		lasting = d.Object
		if d.Source != 0 {
			k.held[d.Source] = held{kind: failed, reason: "it drifts again as soon as it is repaired: " + d.What, path: pathOf(k.since, d.Source)}
		}
	}
	if lasting == "" {
		return nil
	}
	k.look = nil
	if err := k.bring(ctx, w, request{}, dueNothing); err != nil {
		return err
	}
	return stead.Errorf(stead.Conflict, "%s drifts again as soon as it is repaired", lasting).
		WithHint("look who changes it; the connection's status has what differs")
}

// refuse marks the data source that drifted; its row follows from there.
func (k *connection) refuse(ctx context.Context, w *decide.World, c *stead.Connection, d push.Drift) error {
	for _, src := range w.Sources(c.Key) {
		if src.ID == d.Source {
			return k.opt.MarkDrifted(ctx, src.Object(), d.What)
		}
	}
	return nil // it is registered no more
}

// lookAgain sets the time of the next look.
func (k *connection) lookAgain() { k.look = k.opt.After(k.opt.DriftEvery) }

// verify asks the platform what differs from what it was brought to, and gives way to a newer world.
func (k *connection) verify(ctx context.Context) ([]push.Drift, error) {
	inner, stop := context.WithTimeout(ctx, k.opt.Timeout)
	defer stop()
	type result struct {
		found []push.Drift
		err   error
	}
	p, since, done, given := k.platform, k.since, make(chan result, 1), false
	go func() {
		found, err := bounded(inner, k.opt.Grace, func(ctx context.Context) ([]push.Drift, error) { return p.Verify(ctx, since) })
		done <- result{found, err}
	}()
	for {
		select {
		case r := <-done:
			if r.err == nil || !given {
				k.blind = 0
				return r.found, k.faultOf(r.err)
			}
			_ = k.fault(r.err) // it was told to stop: what it says about that is of no interest
			k.look = nil
			k.blind++
			return nil, errInterrupted
		case <-k.wake:
			defer k.rouse()
			if u := k.urgent(since); u == ending || u == taking && k.blind < patience {
				given = true
				stop()
			}
		}
	}
}

func (k *connection) faultOf(err error) error {
	if err == nil {
		return nil
	}
	return k.fault(err)
}

// note tells of drift: in the status, in the log, and once in a record. A data source that is held is not looked at; what was
// known of it is told until it is.
func (k *connection) note(ctx context.Context, found []push.Drift) {
	for _, d := range k.known {
		if _, waits := k.held[d.Source]; waits && !slices.Contains(found, d) {
			found = append(found, d)
		}
	}
	k.known = slices.Clone(found)
	now := k.opt.Now()
	k.tell(func(s *Status) { s.Drift, s.Verified = found, &now })
	k.opt.Metrics.Drifted(k.key, len(found))
	var what []string
	for _, d := range found {
		k.opt.Log.Warn("a platform differs from what was applied", "connection", k.key, "kind", d.Kind, "object", d.Object, "what", d.What, "open", d.Open)
		what = append(what, fmt.Sprintf("%s %s: %s", d.Kind, d.Object, d.What))
	}
	text := strings.Join(what, "; ")
	if text == k.shown {
		return
	}
	k.shown = text
	if text == "" {
		text = "nothing differs any more"
	}
	r := k.system("drift")
	r.Details = shorten(text)
	k.record(ctx, r)
}
