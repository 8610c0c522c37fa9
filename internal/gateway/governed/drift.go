package governed

import (
	"context"

	"stead"
)

// Drift looks at the data behind a source now and says in what it no longer fits the
// source's declaration; "" is that it fits. An error says that it could not be looked at.
func (e *Engines) Drift(ctx context.Context, c *stead.Connection, def *stead.DataSource) (string, error) {
	s, err := e.engine(ctx, c)
	if err != nil {
		return "", err
	}
	_, err = s.ready(ctx, def)
	if err != nil && stead.CodeOf(err) == stead.Conflict {
		return stead.AsError(err).Message, nil
	}
	return "", err
}
