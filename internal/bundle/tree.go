package bundle

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"stead"
)

// The limits of what is read: no document that people write comes near them, and reading never takes long.
const (
	maxFile  = 4 << 20
	maxTotal = 64 << 20
	maxDepth = 48
	maxNodes = 1 << 20
	maxKeys  = 2000 // of one YAML mapping, whose parsing takes the square of it
)

// shape of a node, one for each kind of JSON value.
type shape byte

const (
	text    shape = 's'
	number  shape = 'n'
	truth   shape = 'b'
	nothing shape = '0'
	list    shape = '['
	mapping shape = '{'
)

// node is a value that knows where it stands. YAML and JSON are both read into it, strictly.
type node struct {
	kind  shape
	text  string // of a text, number or truth
	keys  []key  // of a mapping
	items []*node
	at    position
}

type key struct {
	name string
	at   position
}

type position struct{ line, column int }

// member returns the value of a key, nil if there is none.
func (n *node) member(name string) *node {
	if n == nil || n.kind != mapping {
		return nil
	}
	for i, k := range n.keys {
		if k.name == name {
			return n.items[i]
		}
	}
	return nil
}

// without returns a mapping that lacks one key.
func (n *node) without(name string) *node {
	out := &node{kind: n.kind, at: n.at}
	for i, k := range n.keys {
		if k.name != name {
			out.keys, out.items = append(out.keys, k), append(out.items, n.items[i])
		}
	}
	return out
}

// json writes the value as JSON, members in their order.
func (n *node) json() []byte { return n.append(nil) }

func (n *node) append(out []byte) []byte {
	switch n.kind {
	case text:
		return appendText(out, n.text)
	case nothing:
		return append(out, "null"...)
	case list, mapping:
		open, end := byte('['), byte(']')
		if n.kind == mapping {
			open, end = '{', '}'
		}
		out = append(out, open)
		for i, item := range n.items {
			if i > 0 {
				out = append(out, ',')
			}
			if n.kind == mapping {
				out = append(appendText(out, n.keys[i].name), ':')
			}
			out = item.append(out)
		}
		return append(out, end)
	default:
		return append(out, n.text...)
	}
}

func appendText(out []byte, s string) []byte {
	b, err := json.Marshal(s)
	if err != nil { // a text always has a JSON form
		panic(err)
	}
	return append(out, b...)
}

// places maps the path of every value and key below n to where it stands, in the spelling that validators use.
func (n *node) places(path string, out map[string]position) {
	out[path] = n.at
	for i, item := range n.items {
		at := path + "[" + strconv.Itoa(i) + "]"
		if n.kind == mapping {
			at = join(path, n.keys[i].name)
		}
		item.places(at, out)
		if n.kind == mapping {
			out[at] = n.keys[i].at
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// checkKeys refuses keys that are given twice, also in another letter case or spelling of the same sign.
func (n *node) checkKeys(file, path string) Problems {
	var out Problems
	seen := map[string]bool{}
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		if n.kind == mapping {
			k := n.keys[i]
			at = join(path, k.name)
			if seen[k.name] {
				out = append(out, problem(place(file, k.at, at), "is given twice").WithHint("keep one of the two"))
			}
			seen[k.name] = true
		}
		out = append(out, item.checkKeys(file, at)...)
	}
	return out
}

func place(file string, p position, path string) stead.Place {
	return stead.Place{File: file, Line: p.line, Column: p.column, Path: path}
}

func problem(at stead.Place, format string, args ...any) *stead.Error {
	return stead.Errorf(stead.Invalid, format, args...).At(at)
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "..."
	}
	return strings.ToValidUTF8(s, "?")
}
