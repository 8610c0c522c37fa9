// Package reconcile keeps platforms of the push style where the governed world says they must be: it follows the
// world, turns it into states, plans, applies, retries, and looks for drift.
package reconcile

import (
	"context"
	"time"

	"stead"
	"stead/internal/push"
)

// Opener opens a connection's platform. Only app knows which platforms there are; a platform that has no adapter is
// a stead.Unsupported error.
type Opener func(ctx context.Context, c stead.Connection) (push.Platform, error)

// Phase is where a connection stands.
type Phase string

// The phases. The zero Phase is unknown and not current.
const (
	Waiting  Phase = "waiting"  // the platform was not looked at yet
	Applying Phase = "applying" // a plan is being carried out
	Current  Phase = "current"  // what the world says is what is enforced
	Pending  Phase = "pending"  // object edits wait for somebody to apply them (setting apply = manual, or not bootstrapped)
	Failing  Phase = "failing"  // the last attempt failed; it is tried again
	Off      Phase = "off"      // the connection is switched off and the platform knows it
)

// Status is where a connection stands, for `stead status` and metrics.
type Status struct {
	Connection string         `json:"connection"`
	Phase      Phase          `json:"phase"`
	World      stead.Revision `json:"world"`   // that should be enforced
	Applied    stead.Revision `json:"applied"` // that is enforced; 0 before the first
	Since      time.Time      `json:"since"`   // of the phase
	Done       int            `json:"done,omitempty"`
	Total      int            `json:"total,omitempty"` // steps of the plan that is applied
	Step       string         `json:"step,omitempty"`
	Error      string         `json:"error,omitempty"` // safe text of the last failure
	Retry      *time.Time     `json:"retry,omitempty"`
	Problems   []push.Problem `json:"problems,omitempty"`
	Held       []Held         `json:"held,omitempty"` // data sources that nobody is shown until their objects are edited
	Drift      []push.Drift   `json:"drift,omitempty"`
	Verified   *time.Time     `json:"verified,omitempty"` // last look for drift
	Collected  *Collected     `json:"collected,omitempty"`
}

// Held is a data source that is closed because its objects do not fit its rows yet.
type Held struct {
	Source stead.SourceID `json:"source"`
	Path   []string       `json:"path,omitempty"`
	Reason string         `json:"reason"`
}
