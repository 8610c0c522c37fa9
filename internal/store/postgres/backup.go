package postgres

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"

	"stead"
	"stead/internal/store"
)

// heading is the first line of a backup, ending the last, which says what must have come between.
type heading struct {
	Stead  string `json:"stead"`
	Format int    `json:"format"`
}

type ending struct {
	Tally string `json:"tally"`
}

var firstLine = heading{"store", 1}

// Backup implements store.Store: it writes lines of JSON, a heading, every store.Item, and an ending.
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(firstLine); err != nil {
		return stead.AsError(err)
	}
	var t store.Tally
	err := s.Export(ctx, func(i *store.Item) error {
		return errors.Join(ctx.Err(), t.Add(i), lines.Encode(i))
	})
	if err != nil {
		return translate(ctx, err)
	}
	return translate(ctx, errors.Join(lines.Encode(ending{t.String()}), out.Flush()))
}

// Restore makes a store in an empty database from a backup. A database that has a store in use already is
// refused with stead.Conflict, a backup that is cut, damaged or newer than this version with an error; nothing
// is changed then. Ids and revisions go on at a distance (see store.Skipped), so that none is reused.
func Restore(ctx context.Context, address string, opt Options, r io.Reader) error {
	_, err := Import(ctx, address, opt, read(r), ImportOptions{MoveOn: true})
	return err
}

// read reads the items of a backup.
func read(r io.Reader) iter.Seq2[*store.Item, error] {
	return func(yield func(*store.Item, error) bool) {
		in := bufio.NewReaderSize(r, 1<<16)
		var first heading
		if err := line(in, &first); err != nil || first != firstLine {
			yield(nil, notWhole(err))
			return
		}
		var t store.Tally
		for {
			var l struct {
				store.Item
				ending
			}
			err := line(in, &l)
			if err == nil && l.Tally == "" {
				err = t.Add(&l.Item)
			}
			if err != nil {
				yield(nil, notWhole(err))
				return
			}
			if l.Tally == "" {
				if !yield(&l.Item, nil) {
					return
				}
				continue
			}
			if _, err := in.ReadByte(); !errors.Is(err, io.EOF) || l.Tally != t.String() {
				yield(nil, notWhole(errors.New("the ending does not fit")))
			}
			return
		}
	}
}

// line reads one line strictly.
func line(in *bufio.Reader, out any) error {
	text, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(out); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows on the line")
	}
	return nil
}

func notWhole(cause error) error {
	return stead.Errorf(stead.Invalid, "this is not a whole backup of a store").
		WithHint("take another backup, or copy this one again").WithCause(cause)
}
