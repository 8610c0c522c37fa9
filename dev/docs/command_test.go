package docs

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stead/internal/cli"
)

// Run as "stead", this test is stead: what the texts show runs without building it first.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "stead" {
		os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// help is what a command says of itself, and whether there is one of that name.
func help(words []string) (string, bool) {
	var out, errs bytes.Buffer
	code := cli.Run(append(append([]string{}, words...), "--help"), strings.NewReader(""), &out, &errs)
	text := out.String()
	return text, code == 0 && strings.Contains(text, "  stead "+strings.Join(words, " "))
}

var (
	mention = regexp.MustCompile("(?:^|[`|$(;&!]|=| )\\s*(?:bin/)?stead ([a-z][a-z-]*(?: [a-z][a-z-]*){0,2})([^`\n|;$(]*)")
	flag    = regexp.MustCompile(` (--[a-z][a-z-]*)`)
	prose   = regexp.MustCompile("`stead [^`\n]+`")
)

// commandLines are the lines of a text that call stead.
func (p page) commandLines() []string {
	var out []string
	for _, b := range p.blocks {
		if b.lang == "sh" {
			out = append(out, strings.Split(strings.ReplaceAll(b.text, "\\\n", " "), "\n")...)
		}
	}
	return append(out, prose.FindAllString(p.prose(), -1)...)
}

func TestEveryCommandExists(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for _, line := range p.commandLines() {
			line, _, _ = strings.Cut(line, " # ")
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			for _, m := range mention.FindAllStringSubmatch(line, -1) {
				found++
				words := strings.Fields(m[1])
				text, ok := help(words)
				for ; !ok && len(words) > 1; text, ok = help(words) {
					words = words[:len(words)-1] // the last word may be an argument
				}
				if !ok {
					t.Errorf("%s: there is no command `stead %s`", p.path, m[1])
					continue
				}
				for _, f := range flag.FindAllStringSubmatch(m[2], -1) {
					if !strings.Contains(text, f[1]) {
						t.Errorf("%s: `stead %s` has no flag %s", p.path, m[1], f[1])
					}
				}
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d commands were found in the texts", found)
	}
}
