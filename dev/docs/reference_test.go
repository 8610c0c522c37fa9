package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stead/internal/app"
	"stead/internal/bundle"
	"stead/policy/expr"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// settingsTable is the table of operations.md as the code has it.
func settingsTable() string {
	var b strings.Builder
	b.WriteString("| name | default | what | environment |\n|---|---|---|---|\n")
	defaults := app.Defaults()
	for _, s := range app.Settings() {
		value := s.Get(&defaults)
		if value != "" {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` |\n", s.Name, value, strings.ReplaceAll(s.Help, "<", "&lt;"), s.Env)
	}
	return b.String()
}

func TestEverySettingIsInTheTable(t *testing.T) {
	if want := settingsTable(); !strings.Contains(read(t, "docs/operations.md"), want) {
		t.Errorf("the table of settings in docs/operations.md is not that of the code, which is\n%s", want)
	}
}

var span = regexp.MustCompile("`[^`\n]+`")

func TestEveryFunctionIsNamed(t *testing.T) {
	spans := strings.ToLower(strings.Join(span.FindAllString(read(t, "docs/policy-language.md"), -1), "\n"))
	for _, f := range expr.Functions() {
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(string(f)) + `\b`).MatchString(spans) {
			t.Errorf("docs/policy-language.md does not name the function %q", f)
		}
	}
}

func TestEveryKindIsNamed(t *testing.T) {
	text := read(t, "docs/policy-language.md")
	for _, kind := range bundle.Kinds() {
		if !strings.Contains(text, "`"+kind+"`") {
			t.Errorf("docs/policy-language.md does not name the kind %q", kind)
		}
	}
}

// Documents shown in texts are read like those of a bundle.
func TestBundlesCanBeRead(t *testing.T) {
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.mark != "bundle" {
				continue
			}
			name := fmt.Sprintf("%s:%d.yaml", p.path, b.line)
			if _, err := bundle.Read([]bundle.File{{Name: name, Text: []byte(b.text)}}, nil); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestExamplesCanBeRead(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "examples/*/*.yaml"))
	if err != nil || len(paths) < 2 {
		t.Fatalf("found %d bundles: %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		folder := func(string) (string, bool) { return "/data", true }
		if _, err := bundle.Read([]bundle.File{{Name: path, Text: text}}, folder); err != nil {
			t.Error(err)
		}
	}
}

var testName = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")

func TestNamedTestsExist(t *testing.T) {
	var code strings.Builder
	for _, depth := range []string{"*", "*/*", "*/*/*"} {
		paths, err := filepath.Glob(filepath.Join(root, depth, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			code.Write(text)
		}
	}
	for _, p := range pages(t) {
		for _, m := range testName.FindAllStringSubmatch(p.text, -1) {
			if !strings.Contains(code.String(), "func "+m[1]+"(") {
				t.Errorf("%s names %s, which does not exist", p.path, m[1])
			}
		}
	}
}
