package rewrite_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"stead/internal/gateway/duck"
	"stead/internal/gateway/rewrite"
	"stead/policy/expr"
)

func canary(t *testing.T, p rewrite.Printer) error {
	t.Helper()
	return rewrite.Canary(context.Background(), rewrite.Config{Parser: parser, Printer: p}, t.TempDir(),
		func(ctx context.Context, address string) (*duck.Engine, error) {
			return duck.Open(ctx, duck.Config{Address: address, TempDir: t.TempDir()})
		})
}

// fixed prints one text for every condition.
type fixed string

func (f fixed) Condition(expr.Node, func(string) string) (string, error) { return string(f), nil }
func (f fixed) Mask(expr.Node, expr.Type, func(string) string) (string, error) {
	return string(f), nil
}

func TestCanary(t *testing.T) {
	if err := canary(t, nil); err != nil {
		t.Errorf("%v", causes(err))
	}
}

// The canary is seen red: where the rule lets hidden rows through, and where the
// unprotected form does not fail.
func TestCanaryRed(t *testing.T) {
	for rule, want := range map[string]string{"(region = 'EU' OR tenant = 1)": "missing )", "FALSE": "blind", "NULL": "blind"} {
		if err := canary(t, fixed(rule)); err == nil || !strings.Contains(causes(err), want) {
			t.Errorf("%s: %v, want %q", rule, err, want)
		}
	}
}

func causes(err error) string {
	s := ""
	var e *duck.Error
	if errors.As(err, &e) {
		s = e.Text
	}
	for err != nil {
		s += err.Error() + "; "
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			break
		}
		err = u.Unwrap()
	}
	return s
}
