package collect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/push/postgres/server"
)

// filePart is how far one file is read.
type filePart struct {
	Offset int64 `json:"at"`
	// Head and Sum tell whether the file is still the same one: the hash of its first bytes.
	Head int64  `json:"head,omitempty"`
	Sum  string `json:"sum,omitempty"`
	// Ended: nothing more comes, and everything was read.
	Ended bool  `json:"ended,omitempty"`
	Time  int64 `json:"time,omitempty"` // of the last change when it was read
}

const headBytes = 512

// logFile is a file of the log as it is now.
type logFile struct {
	name string
	size int64
	time int64
}

func base(path string) string { return path[strings.LastIndexAny(path, `/\`)+1:] }

// id is the same for the same place of the same log.
func (c *collecting) id(place ...string) string {
	sum := sha256.Sum256([]byte(c.of.Connection + "\x00" + strings.Join(place, "\x00")))
	return "pg-" + hex.EncodeToString(sum[:16])
}

// read reads the next lines of every file, or again those that are pending.
func (c *collecting) read(ctx context.Context, tx pgx.Tx) error {
	c.fresh = map[string]*filePart{}
	f := c.conf.format
	if f == nil {
		c.fresh, c.stay, c.at.Pending = c.at.Files, c.at.Pending, nil
		return nil
	}
	if c.at.Format != "" && c.at.Format != f.name {
		c.gap("the log's form changed from "+c.at.Format+" to "+f.name+": lines of the former that were not read are left out", 0, time.Time{}, "format", c.count())
		c.at.Files, c.at.Pending, c.at.Sessions = nil, nil, nil
		c.at.From, c.since = c.at.Last, c.at.Last
	}
	c.at.Format = f.name
	files, err := c.files(ctx, tx)
	if err != nil {
		return err
	}
	if err := c.missing(files); err != nil {
		return err
	}
	pending := map[string]int64{}
	budget := int64(collectBytes)
	for _, file := range files {
		part := filePart{}
		if before := c.at.Files[file.name]; before != nil {
			part = *before
		}
		if err := c.same(ctx, tx, file, &part); err != nil {
			return err
		}
		to, bounded := c.at.Pending[file.name]
		if part.Offset < file.size && (bounded || !c.again) && budget > 0 {
			if !bounded {
				to = 0
			}
			n, err := c.lineUp(ctx, tx, file, &part, to, budget)
			if err != nil {
				return err
			}
			if n > 0 {
				pending[file.name] = part.Offset
				budget -= n
			}
			if part.Offset < file.size {
				budget = 0 // sessions go on from one file to the next
			}
		}
		c.left += max(0, file.size-part.Offset)
		part.Ended = part.Offset >= file.size && file.name != c.conf.current
		part.Time = file.time
		c.fresh[file.name] = &part
	}
	c.at.Pending = pending
	return c.stamp(ctx, tx)
}

// files lists the files of our form, oldest first, the one that is written last.
func (c *collecting) files(ctx context.Context, tx pgx.Tx) ([]logFile, error) {
	var out []logFile
	rows, err := tx.Query(ctx, `SELECT name, size, extract(epoch FROM modification)::bigint FROM pg_ls_logdir() WHERE right(name, $1) = $2 AND (modification >= $3 OR name = $4)`,
		len(c.conf.format.suffix), c.conf.format.suffix, c.since.Truncate(time.Second), c.conf.current)
	err = server.Each(rows, err, func(r pgx.Rows) error {
		var f logFile
		err := r.Scan(&f.name, &f.size, &f.time)
		out = append(out, f)
		return err
	})
	slices.SortFunc(out, func(a, b logFile) int {
		switch {
		case (a.name == c.conf.current) != (b.name == c.conf.current):
			if a.name == c.conf.current {
				return 1
			}
			return -1
		case a.time != b.time:
			return int(a.time - b.time)
		}
		return strings.Compare(a.name, b.name)
	})
	return out, err
}

// missing tells of files that went away before they were read to the end.
func (c *collecting) missing(files []logFile) error {
	for name, part := range c.at.Files {
		if part.Ended || slices.ContainsFunc(files, func(f logFile) bool { return f.name == name }) {
			continue
		}
		c.gap("the log file "+name+" was removed before it was read to its end", 0, time.Time{}, "file", name, part.Sum)
	}
	return nil
}

// same looks whether the file is the one that was read; another of the name is read from its beginning.
func (c *collecting) same(ctx context.Context, tx pgx.Tx, file logFile, part *filePart) error {
	if part.Offset == 0 || file.size == part.Offset && file.time == part.Time {
		return nil
	}
	if file.size >= part.Offset {
		head, err := c.bytes(ctx, tx, file.name, 0, part.Head)
		if err != nil {
			return err
		}
		if digest(head) == part.Sum {
			return nil
		}
	}
	if !part.Ended {
		c.gap("the log file "+file.name+" was written anew before it was read to its end", 0, time.Time{}, "anew", file.name, part.Sum)
	}
	*part = filePart{}
	delete(c.at.Pending, file.name)
	return nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

func (c *collecting) bytes(ctx context.Context, tx pgx.Tx, name string, from, n int64) ([]byte, error) {
	var b []byte
	err := tx.QueryRow(ctx, `SELECT coalesce(pg_read_binary_file($1, $2, $3, true), '')`, c.conf.folder+"/"+name, from, n).Scan(&b)
	return b, err
}

// largestLine is how long a line of the log may be.
const largestLine = 64 << 20

// lineUp reads whole lines from the part's offset on, up to an end or about n bytes, and returns how many bytes they are.
func (c *collecting) lineUp(ctx context.Context, tx pgx.Tx, file logFile, part *filePart, to, n int64) (int64, error) {
	if to > 0 {
		n = to - part.Offset
	}
	var b []byte
	var taken int64
	for {
		var err error
		if b, err = c.bytes(ctx, tx, file.name, part.Offset, n); err != nil {
			return 0, err
		}
		if taken = c.take(file, part, b); taken > 0 || int64(len(b)) < n || n >= largestLine {
			break
		}
		n = min(2*n, largestLine)
	}
	if taken < int64(len(b)) {
		rest := int64(len(b)) - taken
		whole := part.Offset+int64(len(b)) >= file.size && file.name != c.conf.current // nothing follows
		switch {
		case to > 0 || whole:
			c.gap("a line of the log file "+file.name+" is cut off", 1, time.Time{}, "cut", file.name, part.Sum, place(part.Offset+taken))
			taken += rest
		case taken == 0 && n >= largestLine:
			c.gap("a line of the log file "+file.name+" is too long to be read", 1, time.Time{}, "long", file.name, part.Sum, place(part.Offset))
			taken = rest
		}
	}
	if part.Head < headBytes && taken > 0 {
		part.Head = min(headBytes, part.Offset+taken)
		head, err := c.bytes(ctx, tx, file.name, 0, part.Head)
		if err != nil {
			return 0, err
		}
		part.Sum = digest(head)
	}
	part.Offset += taken
	return taken, nil
}

// take parses the whole lines of b and returns how many bytes they are.
func (c *collecting) take(file logFile, part *filePart, b []byte) int64 {
	var taken int64
	for {
		line := c.conf.format.cut(b[taken:])
		if len(line) == 0 {
			return taken
		}
		l, err := c.conf.format.parse(line)
		if err != nil && len(strings.TrimSpace(string(line))) > 0 {
			c.gap("a line of the log file "+file.name+" cannot be read", 1, time.Time{}, "line", file.name, part.Sum, place(part.Offset+taken))
		} else if err == nil {
			c.lines = append(c.lines, readLine{logLine: l})
		}
		taken += int64(len(line))
	}
}

func place(n int64) string {
	return "at " + hex.EncodeToString([]byte{byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// stamp finds out when the lines were written: they tell it in the log's time zone.
func (c *collecting) stamp(ctx context.Context, tx pgx.Tx) error {
	var stamps []string
	seen := map[string]time.Time{}
	for _, l := range c.lines {
		text := l.Stamp[:stampLength]
		if _, ok := seen[text]; !ok {
			seen[text] = time.Time{}
			stamps = append(stamps, text)
		}
	}
	rows, err := tx.Query(ctx, `SELECT s, s::timestamp AT TIME ZONE current_setting('log_timezone') FROM unnest($1::text[]) s`, stamps)
	if err := server.Each(rows, err, func(r pgx.Rows) error {
		var text string
		var at time.Time
		err := r.Scan(&text, &at)
		seen[text] = at.UTC()
		return err
	}); err != nil {
		return stead.Errorf(stead.Internal, "a time of the server's log cannot be read").WithCause(err)
	}
	kept := c.lines[:0]
	for _, l := range c.lines {
		l.at = seen[l.Stamp[:stampLength]]
		if !l.at.Before(c.since.Truncate(time.Millisecond)) {
			kept = append(kept, l)
		}
	}
	c.lines = kept
	if n := len(kept); n > 0 && kept[n-1].at.After(c.at.Last) {
		c.at.Last = kept[n-1].at
	}
	return nil
}
