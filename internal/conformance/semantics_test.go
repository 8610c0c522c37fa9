package conformance

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var semanticsLine = regexp.MustCompile(`(?m)^- \*\*(S[0-9]+\.[0-9]+)\*\* .+ <br>\*(.+)\*$`)

// references says which cases stand for each line, as docs/semantics.md writes it.
func references(cases []*Case) map[string]string {
	out := map[string]string{}
	last := map[string]string{}
	for _, c := range cases {
		file := strings.TrimSuffix(filepath.Base(c.Place.File), ".yaml")
		for _, l := range c.Lines {
			switch {
			case out[l] == "":
				out[l] = file + ": " + c.Name
			case last[l] == file:
				out[l] += ", " + c.Name
			default:
				out[l] += "; " + file + ": " + c.Name
			}
			last[l] = file
		}
	}
	return out
}

// TestSemantics: each line of docs/semantics.md names its cases, and each case stands for a line.
func TestSemantics(t *testing.T) {
	cases, err := Load(corpus)
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 600 {
		t.Errorf("only %d cases", len(cases))
	}
	doc, err := os.ReadFile("../../docs/semantics.md")
	if err != nil {
		t.Fatal(err)
	}
	want := references(cases)
	for _, m := range semanticsLine.FindAllStringSubmatch(string(doc), -1) {
		if want[m[1]] == "" {
			t.Errorf("%s has no case", m[1])
		} else if want[m[1]] != m[2] {
			t.Errorf("%s names %q; its cases are %q", m[1], m[2], want[m[1]])
		}
		delete(want, m[1])
	}
	for l, c := range want {
		t.Errorf("there is no line %s for %s", l, c)
	}
	if n := strings.Count(string(doc), "\n- **S"); n != len(semanticsLine.FindAllString(string(doc), -1)) {
		t.Error("some lines cannot be read")
	}
	var seen []string
	for _, c := range cases {
		key := c.Place.File + "\x00" + c.Name
		if len(c.Lines) == 0 || slices.Contains(seen, key) {
			t.Errorf("%s: %q has no line, or a name that is taken", c.Place, c.Name)
		}
		seen = append(seen, key)
	}
}

// TestPage: docs/conformance.md is what a run would write now.
func TestPage(t *testing.T) {
	cases, err := Load(corpus)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(doc) != page(cases) {
		t.Error("docs/conformance.md is not of these cases: run make conformance")
	}
}

// TestExceptions: at most one case in twenty is not asked of an engine, and each says why; an engine that is not known has none.
func TestExceptions(t *testing.T) {
	cases, err := Load(corpus)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, c := range cases {
		for e, reason := range c.Exceptions {
			count[e]++
			if !slices.Contains(EngineNames(), e) || len(strings.Fields(reason)) < 2 {
				t.Errorf("%s: %s: an exception of %q: %q", c.Place, c.Name, e, reason)
			}
		}
	}
	for e, n := range count {
		if n*20 > len(cases) {
			t.Errorf("%s has %d exceptions of %d cases", e, n, len(cases))
		}
	}
}
