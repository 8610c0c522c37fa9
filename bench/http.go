package main

import (
	"context"
	"errors"
)

func decisionsOverHTTP(ctx context.Context, rep *report, o options) error {
	return errors.New("not yet")
}
