package governed

import (
	"context"
	"strings"

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

// unfit is what an asker is told when a file that the statement reads holds what was not declared of it. The
// asker's expressions have no part in it, and a table cannot be told from another one of the same statement.
func (p *plan) unfit(err error) error {
	var names []string
	for _, l := range p.plan.Leaves {
		names = append(names, l.Decision.Object.String())
	}
	return stead.Errorf(stead.Conflict, "the data of %s has changed since it was registered: it holds values that do not fit the declared columns",
		strings.Join(names, " or of ")).WithHint("register the table again when the change is wanted").WithCause(err)
}
