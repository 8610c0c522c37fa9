package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// page is one text of the documentation.
type page struct {
	path   string // relative to the root
	text   string
	blocks []block
}

// block is fenced code, with the comment on the line before it: "run", "run fails", "output", "bundle".
type block struct {
	mark, lang, text string
	line             int
}

// pages reads every text.
func pages(t *testing.T) []page {
	t.Helper()
	var out []page
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "examples/*/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			text, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(root, p)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, page{name, string(text), blocks(string(text))})
		}
	}
	if len(out) < 10 {
		t.Fatalf("only %d texts were found", len(out))
	}
	return out
}

var marks = regexp.MustCompile(`^<!-- (run|run fails|output|bundle) -->$`)

func blocks(text string) []block {
	var out []block
	var open *block
	mark := ""
	for i, line := range strings.Split(text, "\n") {
		fence := strings.HasPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &block{mark: mark, lang: strings.TrimPrefix(line, "```"), line: i + 2}
		case fence:
			out = append(out, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
		mark = ""
		if m := marks.FindStringSubmatch(line); m != nil && open == nil {
			mark = m[1]
		}
	}
	return out
}

// prose is a text without its fenced blocks.
func (p page) prose() string {
	text := p.text
	for _, b := range p.blocks {
		text = strings.Replace(text, b.text, "", 1)
	}
	return text
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	noSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are what the headings of a text can be linked by.
func anchors(text string) map[string]bool {
	out := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		out[strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return out
}

func TestLinks(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(p.prose(), -1) {
			to, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(to, "://") {
				continue
			}
			text := p.text
			if to != "" {
				b, err := os.ReadFile(filepath.Join(root, filepath.Dir(p.path), to))
				if err != nil {
					t.Errorf("%s links to %s, which is not there", p.path, m[1])
					continue
				}
				text = string(b)
			}
			if anchor != "" && !anchors(text)[anchor] {
				t.Errorf("%s links to %s, which has no such heading", p.path, m[1])
			}
		}
	}
}
