package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"stead"
	"stead/client"
)

const (
	// lookEvery is how often a platform's status is asked for while somebody waits.
	lookEvery = 200 * time.Millisecond
	// applyWait is how long one request waits for an apply.
	applyWait = 4 * time.Minute
	// settleFor is how long a platform must stand where it does not go on by itself, before waiting ends: it may not have begun.
	settleFor = 3 * time.Second
	// failFor is how long somebody who waits for a platform bears with failures that are tried again, unless they say.
	failFor = 2 * time.Minute
)

// progress prints where an apply is: one line that changes at a terminal, else a line at each tenth.
type progress struct {
	e        *env
	terminal bool
	tenth    int
	drawn    bool
}

func newProgress(e *env) *progress {
	p := &progress{e: e, tenth: -1}
	if f, ok := e.err.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

func (p *progress) show(st *client.PlatformStatus) {
	if st.Phase != "applying" || st.Total == 0 {
		return
	}
	if tenth := st.Done * 10 / st.Total; !p.terminal && tenth != p.tenth {
		p.tenth = tenth
		fmt.Fprintf(p.e.err, "applying: %d of %d steps\n", st.Done, st.Total)
	}
	if p.terminal {
		const width = 30
		full := min(st.Done*width/st.Total, width)
		fmt.Fprintf(p.e.err, "\r[%s%s] %d of %d %s\x1b[K", strings.Repeat("#", full), strings.Repeat(".", width-full), st.Done, st.Total, printable(st.Step))
		p.drawn = true
	}
}

// end leaves the line.
func (p *progress) end() {
	if p.drawn {
		fmt.Fprintln(p.e.err)
	}
}

// leftBehind is what somebody who stops waiting is told.
func leftBehind(key string) error {
	return stead.Errorf(stead.Canceled, "the work on connection %s goes on at the server", key).WithHint("stead connection status %s", key)
}

// applyPlatform has a platform brought to what the policies say and waits for the end. Whoever interrupts it only stops waiting.
func (e *env) applyPlatform(ctx context.Context, c *client.Client, key string, bootstrap bool) (*client.PlatformStatus, error) {
	type end struct {
		st       *client.PlatformStatus
		finished bool
		err      error
	}
	bar := newProgress(e)
	defer bar.end()
	for {
		ended := make(chan end, 1)
		go func() {
			st, finished, err := c.ApplyConnection(ctx, key, bootstrap, applyWait)
			ended <- end{st, finished, err}
		}()
		var last end
		for waiting := true; waiting; {
			select {
			case last = <-ended:
				waiting = false
			case <-time.After(lookEvery):
				if st, err := c.ConnectionStatus(ctx, key); err == nil {
					bar.show(st)
				}
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil, leftBehind(key)
		case last.err != nil || last.finished:
			return last.st, last.err
		}
	}
}

// enforced waits until a platform enforces a revision. The error says why it does not. Failures that are tried again are borne with
// for as long as patience, counted from the first.
func (e *env) enforced(ctx context.Context, c *client.Client, key string, revision int64, patience time.Duration) error {
	bar := newProgress(e)
	defer bar.end()
	var still, failed time.Time
	for {
		st, err := c.ConnectionStatus(ctx, key)
		switch {
		case ctx.Err() != nil:
			return leftBehind(key)
		case err != nil && stead.CodeOf(err) != stead.Unavailable:
			return err
		case err == nil && st.Current && st.Applied >= revision:
			return nil
		case err == nil:
			bar.show(st)
		}
		rests := err != nil || st.Phase != "applying"
		if rests && err == nil && st.Phase == "failing" && st.Retry != nil {
			if failed.IsZero() {
				failed = time.Now()
				e.bears(st, patience)
			}
			if rests = time.Since(failed) > patience; rests {
				return notEnforced(key, st)
			}
		}
		switch {
		case !rests:
			still = time.Time{}
		case still.IsZero():
			still = time.Now()
		case time.Since(still) > settleFor && err != nil:
			return err
		case time.Since(still) > settleFor:
			return notEnforced(key, st)
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
		}
	}
}

// bears says why it is still waited.
func (e *env) bears(st *client.PlatformStatus, patience time.Duration) {
	if patience > settleFor {
		fmt.Fprintf(e.err, "failing: %s; it is tried again, and waited for up to %s\n", printable(st.Error), patience)
	}
}

func notEnforced(key string, st *client.PlatformStatus) error {
	switch st.Phase {
	case "pending":
		return stead.Errorf(stead.Conflict, "what was registered is closed until the platform is changed: %s", pendingWhy(st)).
			WithHint("stead connection plan %s, then stead connection apply %s", key, key)
	case "off":
		return stead.Errorf(stead.Conflict, "the connection %s is switched off", key).WithHint("stead connection enable %s", key)
	}
	why := st.Error
	if why == "" {
		why = "it is " + st.Phase
	}
	return stead.Errorf(stead.Unavailable, "connection %s is not current: %s", key, why).WithHint("stead connection status %s", key)
}

func pendingWhy(st *client.PlatformStatus) string {
	if st.Error != "" {
		return st.Error
	}
	if len(st.Held) > 0 {
		return st.Held[0].Reason
	}
	return "edits of objects wait"
}
