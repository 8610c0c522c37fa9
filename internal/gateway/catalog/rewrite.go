package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"stead"
)

// tree is a node of the parser's JSON.
type tree = map[string]any

const maxStatement = 256 << 10

// Rewrite turns a statement that touches nothing but the catalogue into one for this
// schema's engine. params are the OIDs the client gave its parameters, 0 where it gave none.
// A relation that is not there is NotFound; what is not on the lists is Unsupported.
func (s *Schema) Rewrite(ctx context.Context, sql string, params []uint32) (string, error) {
	if len(sql) > maxStatement {
		return "", stead.Errorf(stead.Limit, "the catalogue query is longer than %d bytes", maxStatement)
	}
	repaired, err := repair(sql)
	if err != nil {
		return "", err
	}
	text, err := s.engine.parser.Serialize(ctx, repaired)
	if err != nil {
		return "", stead.Errorf(stead.Invalid, "syntax error in the catalogue query").WithCause(err)
	}
	var doc struct {
		Statements []tree `json:"statements"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil {
		return "", stead.Errorf(stead.Internal, "the statement could not be read").WithCause(err)
	}
	if len(doc.Statements) != 1 {
		return "", stead.Errorf(stead.Unsupported, "one statement at a time, not %d", len(doc.Statements))
	}
	w := &walker{schema: s, params: params}
	node, ok := doc.Statements[0]["node"].(tree)
	if !ok {
		return "", unknown("statement", "")
	}
	if err := w.query(node, true); err != nil {
		return "", err
	}
	for _, t := range w.marked {
		delete(t, "open")
	}
	text, err = json.Marshal(tree{"error": false, "statements": []any{doc.Statements[0]}})
	if err != nil {
		return "", stead.Errorf(stead.Internal, "the statement could not be printed").WithCause(err)
	}
	out, err := s.engine.parser.Deserialize(ctx, text)
	if err != nil {
		return "", stead.Errorf(stead.Internal, "the statement could not be printed").WithCause(err)
	}
	return out, nil
}

func unknown(what, name string) error {
	return stead.Errorf(stead.Unsupported, "%s %q is not available in catalogue queries", what, name)
}

func str(t tree, key string) string {
	s, _ := t[key].(string)
	return s
}

// walker rewrites one statement in place.
type walker struct {
	schema *Schema
	params []uint32
	ctes   []string // names in scope, innermost last
	depth  int
	marked []tree // nodes with a mark of our own, taken off again before printing
}

const maxDepth = 400

// visit rewrites whatever v is and returns what stands in its place.
func (w *walker) visit(v any) (any, error) {
	if w.depth++; w.depth > maxDepth {
		return nil, stead.Errorf(stead.Limit, "the catalogue query is nested too deeply")
	}
	defer func() { w.depth-- }()
	switch v := v.(type) {
	case []any:
		for i := range v {
			n, err := w.visit(v[i])
			if err != nil {
				return nil, err
			}
			v[i] = n
		}
	case tree:
		return w.object(v)
	}
	return v, nil
}

func (w *walker) object(t tree) (any, error) {
	if _, ok := t["class"]; ok {
		return w.expr(t, false)
	}
	kind, ok := t["type"].(string)
	switch {
	case !ok || plainKinds[kind]:
		return t, w.fields(t)
	case strings.HasSuffix(kind, "_NODE"):
		return t, w.query(t, false)
	default:
		return t, w.table(t, kind)
	}
}

// plainKinds are the parts of a statement that are neither expression, table nor query.
var plainKinds = set("ORDER_MODIFIER LIMIT_MODIFIER DISTINCT_MODIFIER ORDER_DEFAULT ASCENDING DESCENDING")

// fields visits every field of t.
func (w *walker) fields(t tree) error {
	w.order(t)
	for k, v := range t {
		n, err := w.visit(v)
		if err != nil {
			return err
		}
		t[k] = n
	}
	return nil
}
