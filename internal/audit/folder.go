package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"stead"
)

const (
	segmentSuffix = ".jsonl"
	indexSuffix   = ".index.json"
	tombstoneName = "tombstone.json"
	lockName      = "lock"
	// maxBody is the longest record, maxLine a line around it.
	maxBody = 1 << 20
	maxLine = maxBody + 1024
)

// segment is one file of a writer's chain.
type segment struct {
	path  string
	first int64
}

func segmentName(first int64) string { return fmt.Sprintf("%016d%s", first, segmentSuffix) }

func (s segment) indexPath() string { return strings.TrimSuffix(s.path, segmentSuffix) + indexSuffix }

// writers lists the writers of an audit folder.
func writers(root string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, away(err)
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && checkWriter(e.Name()) == nil {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// segments lists a writer's segments in the order of the chain.
func segments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, away(err)
	}
	var out []segment
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		if !ok {
			continue
		}
		first, err := strconv.ParseInt(name, 10, 64)
		if err != nil || segmentName(first) != e.Name() || first < 1 {
			return nil, stead.Errorf(stead.Conflict, "the audit folder has a file that is no segment: %s", e.Name()).
				WithHint("move it elsewhere")
		}
		out = append(out, segment{path: filepath.Join(dir, e.Name()), first: first})
	}
	slices.SortFunc(out, func(a, b segment) int { return int(min(1, max(-1, a.first-b.first))) })
	return out, nil
}

// readTombstone returns the tombstone of a writer, nil if nothing was removed yet.
func readTombstone(dir string) (*Tombstone, error) {
	b, err := os.ReadFile(filepath.Join(dir, tombstoneName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, away(err)
	}
	var t Tombstone
	if err := json.Unmarshal(b, &t); err != nil {
		return nil, stead.Errorf(stead.Conflict, "the audit log's tombstone is damaged").WithHint("run stead audit verify").WithCause(err)
	}
	return &t, nil
}

// scan reads the lines of a segment in order, as far as size (-1: to the end), whole lines only. The
// line is valid during the call. It returns how many bytes at the end are no whole line.
func scan(ctx context.Context, path string, size int64, fn func(line []byte) error) (rest int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, away(err)
	}
	defer func() { _ = f.Close() }() // only read
	var r io.Reader = f
	if size >= 0 {
		r = io.LimitReader(f, size)
	}
	lines := newLines(r)
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return 0, canceled(ctx)
		}
		line, err := lines.next()
		if err == io.EOF {
			return int64(len(line)), nil
		}
		if err != nil {
			return 0, away(err)
		}
		if err := fn(line); err != nil {
			return 0, err
		}
	}
}

// writeFile replaces a small file durably.
func writeFile(path string, b []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "new-")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// away is the error for a folder or disk that does not take or give records; the path is in the cause.
func away(err error) error {
	return stead.Errorf(stead.Unavailable, "the audit log cannot be read or written").
		WithHint("an operator checks the audit folder, its permissions and the space on its disk").WithCause(err)
}

func canceled(ctx context.Context) error {
	return stead.Errorf(stead.Canceled, "the request was canceled").WithCause(ctx.Err())
}

func damaged(name string, seq int64, what string) error {
	return stead.Errorf(stead.Conflict, "the audit log is damaged: %s, entry %d: %s", name, seq, what).
		WithHint("run stead audit verify, keep the folder as it is, and let stead write to another audit folder")
}
