package govern

import (
	"context"

	"stead"
	"stead/internal/store"
)

// Unchanged changes nothing: it refuses, with stead.Conflict, when the document is not the one of that revision any more, so that
// the edits after it are not made on a misunderstanding. What the caller may not read is stead.NotFound.
type Unchanged struct {
	Noun     store.Noun
	Key      string // see store's Key functions
	Revision stead.Revision
}

func (e Unchanged) apply(ctx context.Context, t *tx) (Outcome, error) {
	row, err := readable(ctx, t, t.who, e.Noun, e.Key)
	if err != nil {
		return Outcome{}, err
	}
	if row.Revision != e.Revision {
		return Outcome{}, stead.Errorf(stead.Conflict, "this %s was changed meanwhile", e.Noun.Words()).
			WithHint("read it again, and repeat the change")
	}
	return Outcome{Noun: e.Noun, ID: row.ID, Op: None}, nil
}

// readable finds one document for somebody who may read it.
func readable(ctx context.Context, r store.Reader, who *stead.Identity, noun store.Noun, key string) (store.Row, error) {
	no := stead.Errorf(stead.NotFound, "this %s does not exist, or you may not see it", noun.Words())
	if store.Secret(noun) {
		return store.Row{}, no
	}
	row, err := r.Find(ctx, noun, key)
	if absent(err) {
		return store.Row{}, no
	}
	if err != nil {
		return store.Row{}, err
	}
	ok, err := mayRead(ctx, r, who, row)
	if err == nil && !ok {
		err = no
	}
	if err != nil {
		return store.Row{}, err
	}
	return row, nil
}
