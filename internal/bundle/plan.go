package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
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

// differences compares two documents, members by name and elements of lists by what tells them apart.
func differences(before, after []byte) []Field {
	was, is := spread(before), spread(after)
	var out []Field
	for path := range merged(was, is) {
		b, a := was[path], is[path]
		if bytes.Equal(b.doc, a.doc) || b.inner && a.inner || within(path, was, is) {
			continue
		}
		out = append(out, Field{Path: strings.TrimPrefix(path, "policy."), Before: b.doc, After: a.doc})
	}
	slices.SortFunc(out, func(a, b Field) int { return strings.Compare(a.Path, b.Path) })
	return out
}

func merged(a, b map[string]part) map[string]part {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// within reports whether the path lies in an element that only one of the documents has: that is told as a whole.
func within(path string, was, is map[string]part) bool {
	for at := parent(path); at != ""; at = parent(at) {
		if was[at].inner != is[at].inner {
			return true
		}
	}
	return false
}

// part is a value of a document; an inner one is an element of a list, whose members are parts as well.
type part struct {
	doc   json.RawMessage
	inner bool
}

// spread lists the values of a document by path.
func spread(doc []byte) map[string]part {
	out := map[string]part{}
	spreadInto(out, "", doc)
	return out
}

func spreadInto(out map[string]part, path string, doc json.RawMessage) {
	doc = bytes.TrimSpace(doc)
	var object map[string]json.RawMessage
	var array []json.RawMessage
	switch {
	case len(doc) > 0 && doc[0] == '{' && json.Unmarshal(doc, &object) == nil:
		for name, value := range object {
			spreadInto(out, join(path, name), value)
		}
	case len(doc) > 0 && doc[0] == '[' && json.Unmarshal(doc, &array) == nil && len(array) > 0 && bytes.HasPrefix(bytes.TrimSpace(array[0]), []byte("{")):
		for i, value := range array {
			at := path + elementName(value, i)
			out[at] = part{doc: value, inner: true}
			spreadInto(out, at, value)
		}
	case len(doc) > 0:
		out[path] = part{doc: doc}
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
