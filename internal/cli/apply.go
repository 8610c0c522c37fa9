package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"stead"
	"stead/client"
)

// applying says which documents are applied, and how.
type applying struct {
	paths  []string
	bundle string
	dryRun bool
	prune  bool
}

func applyCommand(e *env) *cobra.Command {
	a := &applying{}
	cmd := e.verbCommand(verb{use: "apply -f PATH...", short: "Make everything so as documents say, or nothing", args: cobra.ArbitraryArgs,
		long: `Reads YAML and JSON documents from files, from folders with everything below them, or from
standard input ("-"), and makes all of it so in one step, or nothing. The plan marks with !
what may give somebody more than before, and with ? what to look at. ${NAME} in the address
and credential of a connection is taken from the environment.
Nothing is deleted unless --prune is given, and then only what a bundle of the same name created.`,
		example: "stead apply -f policies.yaml --dry-run\nstead apply -f people/ -f policies.yaml\nstead apply -f - --bundle warehouse --prune < all.yaml"},
		func(ctx context.Context, c *client.Client, args []string) error {
			a.paths = append(a.paths, args...) // -f a b c
			if len(a.paths) == 0 {
				return stead.Errorf(stead.Invalid, "no document is named").WithHint("name files or folders with -f; - is standard input")
			}
			return e.apply(ctx, c, a)
		})
	f := cmd.Flags()
	f.StringArrayVarP(&a.paths, "file", "f", nil, `file or folder; "-" is standard input (may be repeated)`)
	f.StringVar(&a.bundle, "bundle", "", `name that tells bundles apart; --prune needs it`)
	f.BoolVar(&a.dryRun, "dry-run", false, "say what would change, and change nothing")
	f.BoolVar(&a.prune, "prune", false, "delete what a bundle of this name created and these documents do not describe")
	cmd.ValidArgsFunction = nil // names of files
	return cmd
}

func (e *env) apply(ctx context.Context, c *client.Client, a *applying) error {
	files, err := e.documents(a.paths)
	if err != nil {
		return err
	}
	plan, err := c.Apply(ctx, client.Bundle{Name: a.bundle, Files: files, DryRun: a.dryRun, Prune: a.prune, Variables: e.variables(files)})
	if err != nil {
		return err
	}
	if e.output == "json" {
		return e.printJSON(plan)
	}
	if plan.Pending {
		fmt.Fprintln(e.err, "stored, and not in effect on this server yet")
	}
	_, err = fmt.Fprint(e.out, plan.Text)
	return err
}

// documents reads the files; those of a folder are what ends in .yaml, .yml or .json.
func (e *env) documents(paths []string) ([]client.BundleFile, error) {
	var out []client.BundleFile
	for _, p := range paths {
		if p == "-" {
			text, err := e.readFile(p)
			if err != nil {
				return nil, err
			}
			out = append(out, client.BundleFile{Name: "stdin", Text: string(text)})
			continue
		}
		before := len(out)
		err := filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path != p && !isDocument(path) {
				return err
			}
			text, err := os.ReadFile(path)
			out = append(out, client.BundleFile{Name: path, Text: string(text)})
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(out) == before {
			return nil, stead.Errorf(stead.NotFound, "%s has no documents", p).WithHint("documents are files that end in .yaml, .yml or .json")
		}
	}
	return out, nil
}

func isDocument(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// variables are those of the environment that the documents name, but never the caller's own key.
func (e *env) variables(files []client.BundleFile) map[string]string {
	out := map[string]string{}
	for _, f := range files {
		for _, m := range variable.FindAllStringSubmatch(f.Text, -1) {
			if v, ok := e.getenv(m[1]); ok && m[1] != "STEAD_KEY" {
				out[m[1]] = v
			}
		}
	}
	return out
}
