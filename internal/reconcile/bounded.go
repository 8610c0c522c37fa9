package reconcile

import (
	"context"
	"errors"
	"time"

	"stead"
)

// errAbandoned says that a platform did not come back after it was told to stop: it must not be used any more.
var errAbandoned = errors.New("the platform did not stop when it was told to")

// bounded runs fn and returns when it does, or a grace after ctx ended whether fn returns or not. A
// platform that hangs holds nothing up but the goroutine it was called on.
func bounded[T any](ctx context.Context, grace time.Duration, fn func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := fn(ctx)
		done <- result{v, err}
	}()
	var r result
	select {
	case r = <-done:
		return r.value, inTime(ctx, r.err)
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case r = <-done:
		return r.value, inTime(ctx, r.err)
	case <-timer.C:
		return r.value, stead.Errorf(stead.Unavailable, "the platform does not answer").
			WithHint("it is tried again; look at the platform and the way to it").WithCause(errors.Join(errAbandoned, ctx.Err()))
	}
}

// inTime says in our words that time ran out.
func inTime(ctx context.Context, err error) error {
	if err == nil || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return err
	}
	return stead.Errorf(stead.Unavailable, "the platform did not answer in time").
		WithHint("it is tried again; look at the platform and the way to it").WithCause(err)
}
