package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

// Plan is what a bundle changes, or changed.
type Plan struct {
	Bundle string   `json:"bundle"`
	DryRun bool     `json:"dryRun"`
	Edits  []Change `json:"edits"` // in the order in which they are made; what stays the same is among them
	// Revision holds the changes, for waiting until they are served; 0 after a dry run.
	Revision stead.Revision `json:"revision,omitempty"`
}

// Change is what becomes of one thing.
type Change struct {
	Op       govern.Op  `json:"op"`
	Noun     store.Noun `json:"noun"`
	Key      string     `json:"key"`
	Place    string     `json:"place,omitempty"` // of the document; "" for what is pruned
	Fields   []Field    `json:"fields,omitempty"`
	Widens   []string   `json:"widens,omitempty"`
	Warnings []string   `json:"warnings,omitempty"`
}

// Field is one value of a document that differs. Values are JSON; an empty one is absent.
type Field struct {
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Counts is how many things are created, updated, deleted and left alone.
func (p *Plan) Counts() (created, updated, deleted, same int) {
	for _, c := range p.Edits {
		switch c.Op {
		case govern.Create:
			created++
		case govern.Update:
			updated++
		case govern.Delete:
			deleted++
		default:
			same++
		}
	}
	return created, updated, deleted, same
}

func (a *applying) plan(r govern.Result) *Plan {
	p := &Plan{Bundle: a.options.Name, DryRun: a.options.DryRun}
	if !p.DryRun {
		p.Revision = r.Revision
	}
	at := map[*item]int{}
	first := map[*item][]byte{}
	for n, o := range r.Outcomes {
		i := a.made[n]
		c := Change{Op: o.Op, Noun: o.Noun, Key: o.Key, Widens: o.Widens, Warnings: o.Warnings}
		if i == nil {
			p.Edits = append(p.Edits, c)
			continue
		}
		c.Place = i.place("").String()
		seen, again := at[i]
		if again { // a new identity comes in two steps
			before := p.Edits[seen]
			c.Widens, c.Warnings = slices.Concat(before.Widens, c.Widens), slices.Concat(before.Warnings, c.Warnings)
			c.Op = before.Op
			o.Before = first[i]
		} else {
			at[i], first[i] = len(p.Edits), o.Before
			c.Warnings = slices.Concat(c.Warnings, a.warnings[i])
			p.Edits = append(p.Edits, c)
		}
		if c.Op == govern.Update {
			c.Fields = differences(o.Before, o.After)
		}
		p.Edits[at[i]] = c
	}
	return p
}

// differences compares two documents, members by name and lists as wholes of their elements.
func differences(before, after []byte) []Field {
	was, is := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	var order []string
	spread("", after, is, &order)
	spread("", before, was, &order)
	var out []Field
	seen := map[string]bool{}
	for _, path := range order {
		if !seen[path] && !bytes.Equal(was[path], is[path]) {
			out = append(out, Field{Path: path, Before: was[path], After: is[path]})
		}
		seen[path] = true
	}
	slices.SortFunc(out, func(a, b Field) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// spread lists the values of a document by path. Elements of lists are named by what tells them apart, if they have a name.
func spread(path string, doc []byte, out map[string]json.RawMessage, order *[]string) {
	doc = bytes.TrimSpace(doc)
	var object map[string]json.RawMessage
	var array []json.RawMessage
	switch {
	case len(doc) > 0 && doc[0] == '{' && json.Unmarshal(doc, &object) == nil:
		for name, value := range object {
			spread(join(path, name), value, out, order)
		}
	case len(doc) > 0 && doc[0] == '[' && json.Unmarshal(doc, &array) == nil && len(array) > 0 && bytes.HasPrefix(bytes.TrimSpace(array[0]), []byte("{")):
		for i, value := range array {
			spread(path+elementName(value, i), value, out, order)
		}
	case len(doc) > 0:
		out[path] = doc
		*order = append(*order, path)
	}
}

func elementName(element json.RawMessage, i int) string {
	var named struct {
		Type json.RawMessage `json:"type"`
		Name string          `json:"name"`
	}
	if json.Unmarshal(element, &named) != nil || named.Name == "" {
		return fmt.Sprintf("[%d]", i)
	}
	var kind string
	if json.Unmarshal(named.Type, &kind) == nil && (kind == "user" || kind == "group") {
		return "[" + kind + " " + named.Name + "]"
	}
	return "[" + named.Name + "]"
}
