package httpapi

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// maxDepth bounds the nesting of a body.
const maxDepth = 64

// strictJSON reads what is unambiguous only: no member twice, none in another case than its own, nothing behind the value.
func strictJSON() huma.Format {
	return huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshalStrict}
}

func unmarshalStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := walk(d, reflect.TypeOf(v).Elem(), "", 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return json.Unmarshal(data, v)
}

// walk reads one value that is going to be decoded into t.
func walk(d *json.Decoder, t reflect.Type, path string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	token, err := d.Token()
	if errors.Is(err, io.EOF) {
		return errors.New("the JSON ends too early")
	}
	if err != nil {
		return err
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch token {
	case json.Delim('{'):
		err = walkObject(d, t, path, depth)
	case json.Delim('['):
		err = walkList(d, t, path, depth)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	_, err = d.Token()
	return err
}

func walkList(d *json.Decoder, t reflect.Type, path string, depth int) error {
	elem := anyType
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		elem = t.Elem()
	}
	for i := 0; d.More(); i++ {
		if err := walk(d, elem, fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func walkObject(d *json.Decoder, t reflect.Type, path string, depth int) error {
	known := membersOf(t)
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name := token.(string) // a member's name is always a text
		at := strings.TrimPrefix(path+"."+name, ".")
		if seen[name] {
			return fmt.Errorf("%s is given twice", at)
		}
		seen[name] = true
		member := anyType
		switch {
		case known != nil:
			f, ok := known[name]
			if !ok {
				return fmt.Errorf("%s is not a member that is known here%s", at, variant(known, name))
			}
			member = f
		case t.Kind() == reflect.Map:
			member = t.Elem()
		}
		if err := walk(d, member, at, depth+1); err != nil {
			return err
		}
	}
	return nil
}

var (
	anyType    = reflect.TypeFor[any]()
	jsonReader = reflect.TypeFor[json.Unmarshaler]()
	textReader = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// membersOf lists the members of a struct that is decoded member by member, nil for anything else.
func membersOf(t reflect.Type) map[string]reflect.Type {
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(jsonReader) || reflect.PointerTo(t).Implements(textReader) {
		return nil
	}
	out := make(map[string]reflect.Type, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || name == "" {
			continue
		}
		out[name] = f.Type
	}
	return out
}

func variant(known map[string]reflect.Type, name string) string {
	for k := range known {
		if strings.EqualFold(k, name) {
			return fmt.Sprintf("; did you mean %q?", k)
		}
	}
	return ""
}
