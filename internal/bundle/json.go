package bundle

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"stead"
)

// isJSON tells JSON from YAML: by the name, else by the first sign that is not a space.
func isJSON(file, src string) bool {
	switch {
	case strings.HasSuffix(strings.ToLower(file), ".json"):
		return true
	case strings.HasSuffix(strings.ToLower(file), ".yaml"), strings.HasSuffix(strings.ToLower(file), ".yml"):
		return false
	}
	return json.Valid([]byte(src))
}

// readJSON reads one value, or several one after the other; a list at the top holds documents.
func readJSON(file, src string) ([]*node, error) {
	r := &jsonReader{file: file, src: src, dec: json.NewDecoder(strings.NewReader(src)), line: 1, column: 1}
	r.dec.UseNumber()
	var out []*node
	for {
		n, err := r.value(0)
		if errors.Is(err, io.EOF) && n == nil {
			break
		}
		if err != nil {
			return nil, r.problem(err)
		}
		if n.kind == list {
			out = append(out, n.items...)
			continue
		}
		out = append(out, n)
	}
	return out, nil
}

// jsonReader follows the decoder's offset, so that every value knows its line and column.
type jsonReader struct {
	file, src    string
	dec          *json.Decoder
	seen         int // bytes of src that line and column count
	line, column int
	nodes        int
}

var errDeep = errors.New("nested too deeply")

func (r *jsonReader) problem(err error) error {
	at := place(r.file, r.advance(int(r.dec.InputOffset())), "")
	if errors.Is(err, errDeep) {
		return stead.Errorf(stead.Limit, "is nested deeper than %d levels or holds more than %d values", maxDepth, maxNodes).At(at)
	}
	var syntax *json.SyntaxError
	message := "it ends too early"
	if errors.As(err, &syntax) {
		message = syntax.Error()
	}
	return problem(at, "%s", message).WithHint("this is not valid JSON").WithCause(err)
}

// next is where the token after the decoder's offset begins.
func (r *jsonReader) next() position {
	offset := int(r.dec.InputOffset())
	for offset < len(r.src) && strings.IndexByte(" \t\r\n,:", r.src[offset]) >= 0 {
		offset++
	}
	return r.advance(offset)
}

func (r *jsonReader) advance(offset int) position {
	for r.seen < offset && r.seen < len(r.src) {
		c, size := utf8.DecodeRuneInString(r.src[r.seen:])
		r.seen += size
		r.column++
		if c == '\n' {
			r.line, r.column = r.line+1, 1
		}
	}
	return position{r.line, r.column}
}

// value reads one value. The node is nil with io.EOF only where nothing began.
func (r *jsonReader) value(depth int) (*node, error) {
	r.nodes++
	if depth > maxDepth || r.nodes > maxNodes {
		return nil, errDeep
	}
	out := &node{kind: nothing, at: r.next()}
	t, err := r.dec.Token()
	if err != nil {
		if depth > 0 || !errors.Is(err, io.EOF) {
			return out, err
		}
		return nil, err
	}
	switch v := t.(type) {
	case json.Delim:
		return r.members(out, shape(v), depth)
	case string:
		out.kind, out.text = text, v
	case json.Number:
		out.kind, out.text = number, v.String()
	case bool:
		out.kind, out.text = truth, "false"
		if v {
			out.text = "true"
		}
	}
	return out, nil
}

func (r *jsonReader) members(out *node, open shape, depth int) (*node, error) {
	out.kind = open
	for r.dec.More() {
		if open == mapping {
			at := r.next()
			k, err := r.dec.Token()
			if err != nil {
				return out, err
			}
			out.keys = append(out.keys, key{k.(string), at})
		}
		item, err := r.value(depth + 1)
		if err != nil {
			return out, err
		}
		out.items = append(out.items, item)
	}
	_, err := r.dec.Token()
	return out, err
}

// isNumber reports whether a plain YAML scalar is a number in JSON's spelling: no octal, hexadecimal or underscored forms.
func isNumber(s string) bool {
	var n json.Number
	return json.Unmarshal([]byte(s), &n) == nil && n.String() == s
}
