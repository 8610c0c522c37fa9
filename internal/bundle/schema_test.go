package bundle

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"stead/api"
	"stead/policy"
)

// shapes are the Go types that documents are decoded into, by kind.
func shapes() map[string]reflect.Type {
	return map[string]reflect.Type{
		"User": reflect.TypeFor[userDoc](), "Agent": reflect.TypeFor[agentDoc](), "Group": reflect.TypeFor[groupDoc](),
		"Connection": reflect.TypeFor[connectionDoc](), "DataSource": reflect.TypeFor[dataDoc](), "Policy": reflect.TypeFor[policy.Policy](),
		"Purpose": reflect.TypeFor[purposeDoc](), "Project": reflect.TypeFor[projectDoc](), "Subscription": reflect.TypeFor[subscriptionDoc](),
		"Setting": reflect.TypeFor[settingDoc](), "Test": reflect.TypeFor[Test](),
	}
}

type schemaNode struct {
	Schema      string                 `json:"$schema"`
	Ref         string                 `json:"$ref"`
	Defs        map[string]*schemaNode `json:"$defs"`
	Type        any                    `json:"type"`
	Description string                 `json:"description"`
	Properties  map[string]*schemaNode `json:"properties"`
	Additional  any                    `json:"additionalProperties"`
	Items       *schemaNode            `json:"items"`
}

// TestSchemasAgreeWithTypes holds each schema against the type that its documents are decoded into, member by member.
func TestSchemasAgreeWithTypes(t *testing.T) {
	if got := slices.Sorted(maps.Keys(shapes())); !slices.Equal(got, slices.Sorted(slices.Values(Kinds()))) {
		t.Fatalf("kinds %v", got)
	}
	for kind, shape := range shapes() {
		t.Run(kind, func(t *testing.T) {
			s := loadSchema(t, strings.ToLower(kind)+".schema.json")
			if s.Schema != "https://json-schema.org/draft/2020-12/schema" || s.Description == "" {
				t.Error("names no draft, or says nothing about itself")
			}
			delete(s.Properties, "kind")
			switch kind {
			case "Policy":
				if s.Properties["actions"] == nil {
					t.Error("no actions")
				}
				delete(s.Properties, "actions") // their shape follows from the type
				agree(t, s, s.Defs["subscription"], reflect.TypeFor[policy.Subscription](), "actions")
				agree(t, s, s.Defs["action"], reflect.TypeFor[policy.Action](), "actions[]")
			case "Test":
				if s.Properties["given"] == nil {
					t.Error("no given")
				}
				delete(s.Properties, "given") // documents of other kinds
			}
			agree(t, s, s, shape, "")
		})
	}
}

func loadSchema(t *testing.T, name string) *schemaNode {
	t.Helper()
	src, err := api.Schemas.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	out := &schemaNode{}
	if err := json.Unmarshal(src, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func agree(t *testing.T, root, s *schemaNode, shape reflect.Type, path string) {
	t.Helper()
	if s.Ref != "" {
		s = root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
	}
	for shape.Kind() == reflect.Pointer {
		shape = shape.Elem()
	}
	switch {
	case s == nil:
		t.Errorf("%s: no schema", path)
	case shape.Kind() == reflect.Slice && s.Items != nil:
		if path != "subpurposes" { // recursive
			agree(t, root, s.Items, shape.Elem(), path+"[]")
		}
	case shape.Kind() == reflect.Struct && s.Properties != nil:
		fields := fieldsOf(shape)
		if got, want := slices.Sorted(maps.Keys(s.Properties)), slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want) {
			t.Errorf("%s: the schema has %v, the type has %v", path, got, want)
			return
		}
		if s.Additional != false {
			t.Errorf("%s: takes members that nobody knows", path)
		}
		for name, f := range fields {
			if s.Properties[name].Description == "" && s.Properties[name].Ref == "" {
				t.Errorf("%s: says nothing about itself", join(path, name))
			}
			agree(t, root, s.Properties[name], f, join(path, name))
		}
	default:
		if want := jsonType(shape); want != "" && s.Type != nil && s.Type != want {
			t.Errorf("%s: the schema says %v, the type %s", path, s.Type, want)
		}
	}
}

func fieldsOf(shape reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for f := range shape.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			maps.Copy(out, fieldsOf(f.Type))
		case name != "-":
			out[name] = f.Type
		}
	}
	return out
}

func jsonType(shape reflect.Type) string {
	switch shape.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int:
		return "integer"
	case reflect.Slice:
		return "array"
	case reflect.Map:
		return "object"
	default:
		return ""
	}
}

// TestBundleSchemaNamesEveryKind reads the schema that editors use for files of several kinds.
func TestBundleSchemaNamesEveryKind(t *testing.T) {
	src, err := api.Schemas.ReadFile("bundle.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range Kinds() {
		if !strings.Contains(string(src), `"`+strings.ToLower(kind)+`.schema.json"`) {
			t.Errorf("%s is missing", kind)
		}
	}
}
