package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"stead"
)

// maxDocument bounds a document's size and maxDepth its nesting: no policy that a person writes comes near them.
const (
	maxDocument = 4 << 20
	maxDepth    = 32
)

// tree is a JSON value that kept what encoding/json forgets: the order of members, duplicates and their case.
type tree struct {
	kind    byte // '{', '[', 's'tring, 'n'umber, 'b'ool, '0' null
	text    string
	truth   bool
	keys    []string
	members []tree // of '{' and '['
}

// parseTree reads one JSON value and nothing after it.
func parseTree(doc []byte) (tree, *stead.Error) {
	if len(doc) > maxDocument {
		return tree{}, stead.Errorf(stead.Limit, "the policy document is larger than %d bytes", maxDocument).
			WithHint("split it into several policies")
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	t, err := readTree(d, 0)
	if err == nil {
		if _, after := d.Token(); after != io.EOF {
			err = fmt.Errorf("something follows the document")
		}
	}
	if err != nil {
		return tree{}, stead.Errorf(stead.Invalid, "the policy is not valid JSON: %s", jsonProblem(err)).
			WithHint("write one JSON object with the members of a policy").WithCause(err)
	}
	return t, nil
}

func jsonProblem(err error) string {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return "it ends too early"
	}
	return err.Error()
}

func readTree(d *json.Decoder, depth int) (tree, error) {
	if depth > maxDepth {
		return tree{}, fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return tree{}, err
	}
	switch v := token.(type) {
	case json.Delim:
		return readMembers(d, depth, byte(v))
	case string:
		return tree{kind: 's', text: v}, nil
	case json.Number:
		return tree{kind: 'n', text: v.String()}, nil
	case bool:
		return tree{kind: 'b', truth: v}, nil
	default:
		return tree{kind: '0'}, nil
	}
}

func readMembers(d *json.Decoder, depth int, open byte) (tree, error) {
	t := tree{kind: open}
	for d.More() {
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return tree{}, err
			}
			t.keys = append(t.keys, key.(string))
		}
		m, err := readTree(d, depth+1)
		if err != nil {
			return tree{}, err
		}
		t.members = append(t.members, m)
	}
	_, err := d.Token()
	return t, err
}

// filler puts trees into typed values and collects every problem with its path.
type filler struct{ problems Problems }

func (f *filler) bad(path, format string, args ...any) {
	f.problems = append(f.problems, problem(path, format, args...))
}

// fill sets v from t. What a member is called is its json tag, byte for byte.
func (f *filler) fill(t tree, v reflect.Value, path string) {
	if v.Kind() == reflect.Pointer {
		if t.kind == '0' {
			f.bad(path, "must not be null")
			return
		}
		p := reflect.New(v.Type().Elem())
		f.fill(t, p.Elem(), path)
		v.Set(p)
		return
	}
	want := map[reflect.Kind]byte{reflect.String: 's', reflect.Bool: 'b', reflect.Int: 'n', reflect.Slice: '[', reflect.Struct: '{'}[v.Kind()]
	if want == 0 || t.kind != want {
		f.bad(path, "must be %s", kindName(want))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(t.text)
	case reflect.Bool:
		v.SetBool(t.truth)
	case reflect.Int:
		var n int
		if err := json.Unmarshal([]byte(t.text), &n); err != nil {
			f.bad(path, "must be a whole number")
		}
		v.SetInt(int64(n))
	case reflect.Slice:
		list := reflect.MakeSlice(v.Type(), len(t.members), len(t.members))
		for i, m := range t.members {
			f.fill(m, list.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
		v.Set(list)
	case reflect.Struct:
		f.fillStruct(t, v, path)
	}
}

func (f *filler) fillStruct(t tree, v reflect.Value, path string) {
	fields := map[string]int{}
	for i := range v.NumField() {
		if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); name != "-" {
			fields[name] = i
		}
	}
	seen := map[string]bool{}
	for i, key := range t.keys {
		at := join(path, key)
		field, known := fields[key]
		switch {
		case seen[key]:
			f.bad(at, "is given twice")
		case known:
			f.fill(t.members[i], v.Field(field), at)
		default:
			f.bad(at, "is not a member that is known here%s", variant(fields, key))
		}
		seen[key] = true
	}
}

// variant names the member that was probably meant.
func variant(fields map[string]int, key string) string {
	for name := range fields {
		if strings.EqualFold(name, key) {
			return fmt.Sprintf("; did you mean %q?", name)
		}
	}
	return ""
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func kindName(kind byte) string {
	switch kind {
	case 's':
		return "a text"
	case 'b':
		return "true or false"
	case 'n':
		return "a whole number"
	case '[':
		return "a list"
	default:
		return "an object"
	}
}
