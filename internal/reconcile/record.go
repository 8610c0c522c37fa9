package reconcile

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"stead"
	"stead/internal/audit"
	"stead/internal/push"
)

// detailsLimit is how many bytes of details a record has at most.
const detailsLimit = 4096

// system is a record of what stead itself did on the connection.
func (k *connection) system(operation string) stead.Record {
	return stead.Record{ID: audit.NewID(), Kind: stead.System, Time: k.opt.Now().UTC(), Status: stead.Success,
		Actor: stead.Actor{Login: "system", Method: "local"}, Connection: k.key, Operation: operation, ObjectKind: "connection", ObjectKey: k.key}
}

// applied records a plan of which something was done.
func (k *connection) applied(ctx context.Context, plan *push.Plan, done int, took time.Duration, err error) {
	if err == nil {
		done = len(plan.Steps)
	}
	if done == 0 {
		return
	}
	r := k.system("apply")
	r.Revision, r.Duration = plan.To, took
	r.Details = fmt.Sprintf("from revision %d to %d: %s", plan.From, plan.To, counted(plan.Steps[:done]))
	if err != nil {
		r.Details += fmt.Sprintf("; %d of %d steps", done, len(plan.Steps))
	}
	switch { // what is left for the next apply is no failure
	case err == nil:
	case isInterrupted(err) && ctx.Err() != nil:
		r.Details += ", as the server was stopped; the next apply goes on"
	case isInterrupted(err):
		r.Details += ", as a newer change came first; the next apply goes on"
	case stead.CodeOf(err) == stead.Conflict && len(stepErrors(err)) == 0:
		r.Details += ", as the platform was changed meanwhile; the next apply goes on"
	default:
		r.Status, r.Reason = stead.Failure, stead.AsError(err).Message
	}
	k.record(ctx, r)
}

// counted is how many steps there are of each kind, in their order.
func counted(steps []push.Step) string {
	var order []push.StepKind
	n := map[push.StepKind]int{}
	for i := range steps {
		if n[steps[i].Kind]++; n[steps[i].Kind] == 1 {
			order = append(order, steps[i].Kind)
		}
	}
	parts := make([]string, len(order))
	for i, kind := range order {
		parts[i] = fmt.Sprintf("%s %d", kind, n[kind])
	}
	return strings.Join(parts, ", ")
}

// record keeps a record. One that cannot be kept now is tried again: what was done is done, and withdrawing rights does not
// wait for a full disk.
func (k *connection) record(ctx context.Context, r stead.Record) {
	k.unsaid = append(k.unsaid, r)
	k.say(ctx)
}

// say keeps the records that wait.
func (k *connection) say(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.opt.Grace)
	defer cancel()
	for len(k.unsaid) > 0 {
		if err := k.opt.Record(ctx, k.unsaid[0]); err != nil {
			k.opt.Log.Error("a record of what was applied waits to be kept", "connection", k.key, "waiting", len(k.unsaid), "cause", err)
			return
		}
		k.unsaid = k.unsaid[1:]
	}
}

// shorten cuts a text at a character.
func shorten(text string) string {
	if len(text) <= detailsLimit {
		return text
	}
	cut := detailsLimit
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "..."
}
