package store

import (
	"context"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"stead"
)

// What every store says alike, so that nobody above can tell one from another.

// Absent is the error of a row that is not there.
func Absent(noun Noun) error { return stead.Errorf(stead.NotFound, "there is no such %s", noun) }

// Admit says what a put of row meets: the row that it replaces, zero when it creates one, and whether that is the
// same already. Everything that Tx.Put refuses is an error.
func Admit(ctx context.Context, r Reader, row Row) (old Row, same bool, err error) {
	if err := checkRow(row); err != nil {
		return Row{}, false, err
	}
	if row.ID != 0 {
		old, err = r.Get(ctx, row.Noun, row.ID)
		if err != nil && (!Borrowed(row.Noun) || stead.CodeOf(err) != stead.NotFound) {
			return Row{}, false, err
		}
	}
	if old.ID != 0 && old.Key == row.Key {
		return old, string(old.Doc) == string(row.Doc), nil
	}
	_, err = r.Find(ctx, row.Noun, row.Key)
	switch {
	case err == nil:
		return Row{}, false, stead.Errorf(stead.Conflict, "the %s %q exists already", row.Noun, readable(row.Key)).
			WithHint("choose another name, or change the one that exists")
	case stead.CodeOf(err) != stead.NotFound:
		return Row{}, false, err
	}
	return old, false, nil
}

// checkRow refuses what not every database can keep.
func checkRow(row Row) error {
	switch {
	case row.Noun == "":
		return stead.Errorf(stead.Internal, "a row has no noun")
	case row.Key == "" || !utf8.ValidString(row.Key) || strings.ContainsRune(row.Key, 0):
		return stead.Errorf(stead.Invalid, "the name of a %s must be non-empty valid text without NUL", row.Noun)
	case !json.Valid(row.Doc) || !utf8.Valid(row.Doc):
		return stead.Errorf(stead.Internal, "the document of a %s is not JSON", row.Noun)
	case row.ID < 0 || row.ID == 0 && Borrowed(row.Noun):
		return stead.Errorf(stead.Internal, "a %s takes the id of what it belongs to", row.Noun)
	}
	return nil
}

// readable shows a composed key to people.
func readable(key string) string { return strings.ReplaceAll(key, "\x1f", "/") }

// CheckRecord refuses an audit record that nobody could find again.
func CheckRecord(r stead.Record) error {
	if r.ID == "" || r.Time.IsZero() {
		return stead.Errorf(stead.Internal, "an audit record has no id or time")
	}
	return nil
}

// Reaches refuses a revision that the log, which begins after horizon and ends at last, does not go on from.
func Reaches(horizon, last, after stead.Revision) error {
	if after < horizon || after > last {
		return stead.Errorf(stead.Conflict, "the change log reaches from revision %d to %d, not from %d", horizon+1, last, after).
			WithHint("start from a full list")
	}
	return nil
}

// ScanChange reads an entry of the log from its columns revision, ordinal, op, noun, id, key, created and doc.
func ScanChange(scan func(into ...any) error) (c Change, err error) {
	var doc string
	err = scan(&c.Revision, &c.Ordinal, &c.Op, &c.Row.Noun, &c.Row.ID, &c.Row.Key, &c.Row.Created, &doc)
	if c.Op == OpPut {
		c.Row.Revision = c.Revision
	}
	if doc != "" {
		c.Row.Doc = []byte(doc)
	}
	return c, err
}
