package duck

import "context"

// Make runs statements one after the other on an engine of its own that nothing is locked in, over the
// database file at path, or in memory where it is ":memory:". It is for writing samples and test data, and never
// sees a statement of an asker.
func Make(ctx context.Context, path string, statements []string) error {
	l, err := openLibrary(path)
	if err != nil {
		return err
	}
	defer l.close()
	k, err := l.connect()
	if err != nil {
		return err
	}
	c := &Conn{link: k}
	defer func() { _ = c.Close() }()
	for _, sql := range statements {
		if err := c.run(ctx, sql, anyKind); err != nil {
			return err
		}
	}
	return nil
}
