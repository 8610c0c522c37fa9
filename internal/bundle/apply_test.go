package bundle

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

// update rewrites the golden files.
var update = flag.Bool("update", false, "rewrite testdata")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got\n%s", name, got)
	}
}

func TestDemo(t *testing.T) {
	w := newWorld(t)
	before := w.revision()
	plan := w.apply(demo(t), Options{DryRun: true})
	golden(t, "demo.plan", plan.Text())
	if w.revision() != before {
		t.Fatal("a dry run changed something")
	}
	w.apply(demo(t), Options{})
	after := w.revision()
	if after == before {
		t.Fatal("nothing was applied")
	}
	again := w.apply(demo(t), Options{Prune: true})
	golden(t, "demo_again.plan", again.Text())
	if w.revision() != after {
		t.Fatal("the same bundle again changed something")
	}
}
