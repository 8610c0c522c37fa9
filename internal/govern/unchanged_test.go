package govern

import (
	"testing"

	"stead"
	"stead/internal/store"
)

func TestAChangeFromAnOldVersionIsRefusedAndChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	key := stead.GatewayImpersonators
	read := func() store.Row {
		row, err := w.Get(ctx, w.admin, store.Settings, key)
		if err != nil {
			t.Fatal(err)
		}
		return row
	}
	old := read()
	edits := []Edit{Unchanged{Noun: store.Settings, Key: key, Revision: old.Revision}, PutSetting{stead.Setting{Name: key, Value: "bob"}}}
	if _, err := w.Apply(ctx, w.admin, edits...); err != nil {
		t.Fatal(err)
	}
	now := read()
	edits[1] = PutSetting{stead.Setting{Name: key, Value: "eve"}}
	if _, err := w.Apply(ctx, w.admin, edits...); stead.CodeOf(err) != stead.Conflict {
		t.Errorf("an old version: %v", err)
	}
	if after := read(); after.Revision != now.Revision || string(after.Doc) != string(now.Doc) {
		t.Errorf("something changed: %s", after.Doc)
	}
	for _, e := range []Edit{Unchanged{Noun: store.Settings, Key: "none"}, Unchanged{Noun: store.APIKeys, Key: "none"}} {
		if _, err := w.Plan(ctx, w.admin, e); stead.AsError(err) == nil || stead.CodeOf(err) != stead.NotFound {
			t.Errorf("%+v: %v", e, err)
		}
	}
	_, err := w.Plan(ctx, w.admin, Unchanged{Noun: store.DataSources, Key: "none"})
	if want := "this data source does not exist, or you may not see it"; stead.AsError(err) == nil || stead.AsError(err).Message != want {
		t.Errorf("a data source: %v, not %q", err, want)
	}
}
