package duck

import (
	"context"
	"io/fs"
	"os"
	"path"
	"strings"

	"stead"
)

func (e *Engine) crawlFolder(ctx context.Context) ([]Discovered, error) {
	top, err := os.ReadDir(e.root)
	if err != nil {
		return nil, stead.Errorf(stead.Unavailable, "the connection's folder cannot be read").WithCause(err)
	}
	var found []Discovered
	for _, entry := range top {
		name := entry.Name()
		switch {
		case hidden(name):
		case !e.isDir(name):
			found = e.add(ctx, found, "main", stem(name), name)
		case e.partitioned(name):
			found = e.add(ctx, found, "main", name, name)
		default:
			found = e.crawlSchema(ctx, found, name)
		}
	}
	return found, nil
}

func (e *Engine) crawlSchema(ctx context.Context, found []Discovered, schema string) []Discovered {
	entries, err := fs.ReadDir(os.DirFS(e.root), schema)
	if err != nil {
		return append(found, Discovered{Path: []string{schema, ""}, Location: schema, Problem: gone(schema).WithCause(err)})
	}
	for _, entry := range entries {
		name := entry.Name()
		switch location := path.Join(schema, name); {
		case hidden(name):
		case e.isDir(location):
			found = e.add(ctx, found, schema, name, location)
		default:
			found = e.add(ctx, found, schema, stem(name), location)
		}
	}
	return found
}

// isDir follows symbolic links; listFiles refuses those that lead out.
func (e *Engine) isDir(location string) bool {
	info, err := fs.Stat(os.DirFS(e.root), location)
	return err == nil && info.IsDir()
}

// partitioned reports a folder whose folders are named k=v.
func (e *Engine) partitioned(location string) bool {
	entries, err := fs.ReadDir(os.DirFS(e.root), location)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if entry.IsDir() && strings.Contains(entry.Name(), "=") {
			return true
		}
	}
	return false
}

// add describes one location; a file that is no data is left out.
func (e *Engine) add(ctx context.Context, found []Discovered, schema, name, location string) []Discovered {
	if !e.isDir(location) && formatOf(location) == "" {
		return found
	}
	d := Discovered{Path: []string{schema, name}, Location: location}
	for _, other := range found {
		if samePath(other.Path, d.Path) {
			d.Problem = stead.Errorf(stead.Conflict, "%s and %s would be the same table", other.Location, location)
			return append(found, d)
		}
	}
	set, err := listFiles(e.root, location)
	if err == nil {
		var t *table
		if t, err = e.inspectFiles(ctx, set); err == nil {
			d.fill(t)
		}
	}
	d.Problem = err
	return append(found, d)
}
