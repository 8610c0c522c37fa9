package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// sources calls visit for every Go file of the project that is not a test.
func sources(t *testing.T, visit func(pkg, file string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "bin" || name == "dist") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		if rel == "." {
			rel = ""
		}
		visit(filepath.ToSlash(rel), path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryPackageKeepsItsRing(t *testing.T) {
	files := 0
	sources(t, func(pkg, file string) {
		files++
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			return
		}
		if _, ok := locate(pkg); !ok {
			t.Errorf("package %s has no ring: give it one in internal/archtest", pkg)
		}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			if bad := judge(pkg, imp); bad != "" {
				t.Errorf("%s: %s", file, bad)
			}
		}
	})
	if files < 10 {
		t.Fatalf("only %d files were read; the test looks at the wrong folder", files)
	}
}

func TestNoPackageIsCalledUtil(t *testing.T) {
	sources(t, func(pkg, file string) {
		switch filepath.Base(pkg) {
		case "util", "utils", "common", "helper", "helpers", "types":
			t.Errorf("%s: a package is named for what it does", file)
		}
	})
}

func TestNoInitRegistration(t *testing.T) {
	sources(t, func(_, file string) {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(src), "\nfunc init()") {
			t.Errorf("%s: init registers by side effect; wire it in internal/app", file)
		}
	})
}

func TestFilesStaySmall(t *testing.T) {
	total, small := 0, 0
	sources(t, func(_, file string) {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Count(string(src), "\n")
		total++
		if lines < 200 {
			small++
		}
		if lines > 800 {
			t.Errorf("%s has %d lines; 800 is the most", file, lines)
		}
	})
	if small*10 < total*7 {
		t.Errorf("%d of %d files are under 200 lines; seven in ten should be", small, total)
	}
}

// The rules themselves are tested: each line must be refused, or the gate is blind.
func TestJudgeRefuses(t *testing.T) {
	for _, c := range []struct{ pkg, imp string }{
		{"policy/expr", "stead"},
		{"policy/expr", "os"},
		{"policy/expr", "github.com/x/y"},
		{"", "stead/policy"},
		{"policy", "context"},
		{"policy", "stead/internal/store"},
		{"internal/decide", "crypto/rand"},
		{"dialect/duckdb", "stead/internal/decide"},
		{"internal/store", "stead/internal/audit"},
		{"internal/session", "stead/internal/govern"},
		{"internal/session", "net/http"},
		{"internal/gateway/rewrite", "stead/internal/signin"},
		{"internal/gateway", "stead/internal/store/sqlite"},
		{"internal/store/sqlite", "stead/internal/store/postgres"},
		{"internal/gateway", "stead/internal/app"},
		{"internal/httpapi", "github.com/duckdb/duckdb-go-bindings"},
		{"client", "stead/internal/store"},
		{"internal/app", "stead/internal/cli"},
		{"internal/novelty", "fmt"},
	} {
		if judge(c.pkg, c.imp) == "" {
			t.Errorf("%s importing %s was not refused", c.pkg, c.imp)
		}
	}
	for _, c := range []struct{ pkg, imp string }{
		{"", "stead/policy/expr"}, {"policy", "stead"}, {"policy/eval", "stead/policy/expr"},
		{"internal/govern", "stead/internal/session"}, {"internal/gateway", "stead/internal/gateway/duck"},
		{"internal/gateway", "stead/internal/session"}, {"internal/cli", "stead/internal/app"},
		{"internal/store/sqlite", "stead/internal/store"}, {"cmd/stead", "stead/internal/cli"},
		{"bench", "github.com/duckdb/duckdb-go/v2"},
	} {
		if bad := judge(c.pkg, c.imp); bad != "" {
			t.Errorf("%s importing %s was refused: %s", c.pkg, c.imp, bad)
		}
	}
}
