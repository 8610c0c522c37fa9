// Package bundle reads the documents that describe a governed world, YAML or JSON, says exactly where
// something is wrong in them, and plans and applies them as one change.
package bundle

import (
	"stead"
)

// Scalar is one value of a flat configuration file.
type Scalar struct {
	Name  string // dotted, e.g. gateway.listen
	Value string // as it is written, without quotes
	Place stead.Place
}

// Scalars flattens a YAML mapping of mappings and scalars, in the order of the file. Lists, nothing at all after a key, duplicate
// keys, anchors and aliases are refused with their place; all problems are returned together. An empty file has no scalars.
func Scalars(file string, src []byte) ([]Scalar, error) {
	nodes, err := readTrees(file, src)
	if err != nil {
		return nil, err
	}
	if len(nodes) > 1 {
		return nil, problem(place(file, nodes[1].at, ""), "a second document").WithHint("keep one document in the file")
	}
	var out []Scalar
	var problems Problems
	for _, n := range nodes {
		if n.kind != mapping {
			return nil, problem(place(file, n.at, ""), "must be a mapping of names to values")
		}
		problems = append(problems, flatten(n, file, "", &out)...)
	}
	return out, problems.Err()
}

func flatten(n *node, file, path string, out *[]Scalar) Problems {
	var problems Problems
	for i, item := range n.items {
		name := join(path, n.keys[i].name)
		at := place(file, n.keys[i].at, name)
		switch item.kind {
		case mapping:
			problems = append(problems, flatten(item, file, name, out)...)
		case list:
			problems = append(problems, problem(at, "a list is not read here").WithHint("write one value, separated by commas where several are taken"))
		case nothing:
			problems = append(problems, problem(at, "has no value").WithHint(`write "" for an empty value, or leave it out`))
		default:
			*out = append(*out, Scalar{Name: name, Value: item.text, Place: at})
		}
	}
	// "a.b" written as one name and as two are one setting.
	return append(problems, repeated(*out, path)...)
}

func repeated(all []Scalar, path string) Problems {
	if path != "" {
		return nil
	}
	var out Problems
	seen := map[string]bool{}
	for _, s := range all {
		if seen[s.Name] {
			out = append(out, problem(s.Place, "is given twice").WithHint("keep one of the two"))
		}
		seen[s.Name] = true
	}
	return out
}
