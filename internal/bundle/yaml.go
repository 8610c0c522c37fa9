package bundle

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"

	"stead"
)

// readTrees reads the documents of a file, JSON or YAML; empty documents are left out. Every duplicate key is reported.
func readTrees(file string, src []byte) ([]*node, error) {
	if len(src) > maxFile {
		return nil, stead.Errorf(stead.Limit, "is larger than %d bytes", maxFile).At(stead.Place{File: file}).WithHint("split it into several files")
	}
	if !utf8.Valid(src) {
		return nil, problem(stead.Place{File: file}, "is not UTF-8")
	}
	s := strings.TrimPrefix(string(src), "\ufeff")
	read := readYAML
	if isJSON(file, s) {
		read = readJSON
	}
	nodes, err := read(file, s)
	if err != nil {
		return nil, err
	}
	var out Problems
	for _, n := range nodes {
		out = append(out, n.checkKeys(file, "")...)
	}
	return nodes, out.Err()
}

// readYAML reads a subset of YAML: no anchors, aliases, tags, merge keys or directives, so that what
// stands in a document is what it says, and a small file cannot grow.
func readYAML(file, src string) (nodes []*node, err error) {
	defer func() {
		if r := recover(); r != nil {
			nodes, err = nil, problem(stead.Place{File: file}, "cannot be read as YAML").WithCause(fmt.Errorf("parser: %v", r))
		}
	}()
	tokens := lexer.Tokenize(src)
	if err := checkTokens(file, tokens); err != nil {
		return nil, err
	}
	parsed, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxProblem(file, err)
	}
	r := &yamlReader{file: file}
	for _, d := range parsed.Docs {
		if d.Body == nil || d.Body.Type() == ast.CommentType || d.Body.Type() == ast.NullType {
			continue
		}
		nodes = append(nodes, r.value(d.Body, ""))
	}
	return nodes, r.problems.Err()
}

func syntaxProblem(file string, err error) error {
	at, message := stead.Place{File: file}, "cannot be read as YAML"
	var e yaml.Error
	if errors.As(err, &e) {
		message = e.GetMessage()
		if t := e.GetToken(); t != nil {
			at.Line, at.Column = t.Position.Line, t.Position.Column
		}
	}
	return problem(at, "%s", shorten(message)).WithHint("this is not valid YAML").WithCause(err)
}

// yamlReader turns parsed YAML into nodes and collects what is refused.
type yamlReader struct {
	file     string
	problems Problems
}

const quote = "put it in quotes if it is a text"

func (r *yamlReader) refuse(n ast.Node, path, hint, format string, args ...any) *node {
	out := &node{kind: nothing, at: positionOf(n)}
	r.problems = append(r.problems, problem(place(r.file, out.at, path), format, args...).WithHint("%s", hint))
	return out
}

func positionOf(n ast.Node) position {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return positionOf(m.Values[0].Key)
	}
	if m, ok := n.(*ast.MappingValueNode); ok {
		return positionOf(m.Key)
	}
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return position{}
	}
	return position{t.Position.Line, t.Position.Column}
}

func (r *yamlReader) value(n ast.Node, path string) *node {
	at := positionOf(n)
	switch v := n.(type) {
	case *ast.MappingNode:
		return r.mapping(v.Values, at, path)
	case *ast.MappingValueNode:
		return r.mapping([]*ast.MappingValueNode{v}, at, path)
	case *ast.SequenceNode:
		out := &node{kind: list, at: at}
		for i, item := range v.Values {
			out.items = append(out.items, r.value(item, fmt.Sprintf("%s[%d]", path, i)))
		}
		return out
	case *ast.StringNode:
		return &node{kind: text, text: v.Value, at: at}
	case *ast.LiteralNode:
		return &node{kind: text, text: v.Value.Value, at: at}
	case *ast.BoolNode:
		return &node{kind: truth, text: fmt.Sprint(v.Value), at: at}
	case *ast.NullNode:
		return &node{kind: nothing, at: at}
	case *ast.IntegerNode, *ast.FloatNode:
		plain := n.GetToken().Value
		if !isNumber(plain) {
			return r.refuse(n, path, quote, "%q can be read in several ways", shorten(plain))
		}
		return &node{kind: number, text: plain, at: at}
	default:
		return r.refuse(n, path, quote, "%s is not read here", strings.ToLower(n.Type().String()))
	}
}

func (r *yamlReader) mapping(values []*ast.MappingValueNode, at position, path string) *node {
	out := &node{kind: mapping, at: at}
	for _, v := range values {
		k, ok := v.Key.(*ast.StringNode)
		if !ok {
			r.refuse(v.Key, path, quote, "the key %s is not a text", shorten(v.Key.String()))
			continue
		}
		out.keys = append(out.keys, key{k.Value, positionOf(k)})
		if v.Value == nil {
			out.items = append(out.items, &node{kind: nothing, at: positionOf(k)})
			continue
		}
		out.items = append(out.items, r.value(v.Value, join(path, k.Value)))
	}
	return out
}
