package bundle

import (
	"strings"
	"testing"

	"stead"
)

const later = "kind: Connection\nkey: lake\nplatform: embedded\naddress: /later\n"

const declared = `kind: DataSource
connectionKey: lake
sources:
  - {schema: demo, table: reviews, columns: [{name: id, type: text}, {name: stars, type: int}]}
  - {schema: demo, table: moved, location: demo/payroll.parquet, columns: [{name: account, type: text}]}
  - {schema: demo, table: unknown, columns: [{name: id, type: int}]}
`

func TestWhatIsNotThereYetIsTakenWithAWarning(t *testing.T) {
	w := newWorld(t)
	w.unseen = stead.Errorf(stead.Invalid, "there is no folder")
	const want = "+ connection lake\n  ? its data cannot be looked at now: there is no folder\n"
	for _, dry := range []bool{true, false} {
		if p := w.apply(later+"---\n"+declared, Options{DryRun: dry}); !strings.Contains(p.Text(), want) || strings.Count(p.Text(), "? its data") != 1 {
			t.Errorf("dry run %t:\n%s", dry, p.Text())
		}
	}
	crawls := w.crawls
	if p := w.apply(later, Options{}); w.crawls != crawls || strings.Contains(p.Text(), "? its data") {
		t.Errorf("the same again, looked %d times more:\n%s", w.crawls-crawls, p.Text())
	}
}

func TestDeclaredColumnsThatTheDataLacksAreTakenWithAWarning(t *testing.T) {
	w := newWorld(t)
	p := w.apply(later+"---\n"+declared, Options{})
	for _, want := range []string{
		"? its data has no column \"stars\"; it has id\n",
		"? its data has no column \"account\"; it has id\n",
	} {
		if !strings.Contains(p.Text(), want) {
			t.Errorf("without %q:\n%s", want, p.Text())
		}
	}
	if strings.Count(p.Text(), "? its data") != 2 || w.crawls != 1 {
		t.Errorf("looked %d times:\n%s", w.crawls, p.Text())
	}
}

func TestWhatCannotBeServedIsTakenWithAWarning(t *testing.T) {
	w := newWorld(t)
	for i := range w.content {
		w.content[i].Problem = "its files have different columns"
	}
	if p := w.apply(later+"---\n"+declared, Options{}); strings.Count(p.Text(), "? cannot be served as it is now: its files have different columns") != 2 {
		t.Error(p.Text())
	}
}

func TestNobodyIsWarnedOfWhatTheyMayNotLookAt(t *testing.T) {
	w := newWorld(t)
	w.apply("kind: User\nname: cy\npermissions: [CREATE_DATA_SOURCE]\n---\nkind: User\nname: di\n", Options{})
	if _, err := read(t, later+"---\n"+declared).Apply(ctx, w.govern, w.as("cy"), w, Options{DryRun: true}); stead.CodeOf(err) != stead.Denied || w.crawls != 0 {
		t.Errorf("a new place: %v, looked %d times", err, w.crawls)
	}
	w.apply(later, Options{})
	w.crawls = 0
	if _, err := read(t, declared).Apply(ctx, w.govern, w.as("di"), w, Options{DryRun: true}); stead.CodeOf(err) != stead.Denied || w.crawls != 0 {
		t.Errorf("without rights: %v, looked %d times", err, w.crawls)
	}
	p, err := read(t, declared).Apply(ctx, w.govern, w.as("cy"), w, Options{DryRun: true})
	if err != nil || w.crawls != 1 || !strings.Contains(p.Text(), "stars") {
		t.Errorf("who may look: %v, looked %d times", err, w.crawls)
	}
}
