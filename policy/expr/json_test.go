package expr

import (
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	n, err := Parse(`name = 'a' AND @attributeValuesContains('k', price, 'none')`, scope)
	if err != nil {
		t.Fatal(err)
	}
	got, err := EncodeJSON(n)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"call":{"func":"and","args":[` +
		`{"call":{"func":"eq","args":[{"column":{"name":"name","type":"text"}},{"literal":{"type":"text","value":"a"}}]}},` +
		`{"subject":{"fact":"attributeContains","key":"k","arg":{"column":{"name":"price","type":"decimal(10,2)"}},"placeholder":"none"}}]}}`
	if string(got) != want {
		t.Errorf("%s", got)
	}
}

func TestJSONIsStrict(t *testing.T) {
	column := `{"column":{"name":"a","type":"text"}}`
	for src, says := range map[string]string{
		``:                                      "not valid JSON",
		`null`:                                  "object is expected",
		`[]`:                                    "object is expected",
		`{}`:                                    "exactly one member",
		`{"lambda":{}}`:                         `unknown node "lambda"`,
		column + column:                         "not valid JSON",
		`{"column":{"name":"a"}}`:               `"type" is missing`,
		`{"Column":{"name":"a","type":"text"}}`: "unknown node",
		`{"column":{"name":"a","type":"text"},"key":{"id":"x"}}`:                                    "exactly one member",
		`{"column":{"name":"a","name":"b","type":"text"}}`:                                          "given twice",
		`{"column":{"Name":"a","type":"text"}}`:                                                     `"Name" is unknown`,
		`{"column":{"name":"a","type":"text","x":1}}`:                                               `"x" is unknown`,
		`{"column":{"name":"a","type":"number"}}`:                                                   "no type",
		`{"column":{"name":"","type":"text"}}`:                                                      "no name",
		`{"literal":{"type":"int","value":"007"}}`:                                                  "is not a int",
		`{"literal":{"type":"int","value":7}}`:                                                      "cannot unmarshal",
		`{"literal":{"type":"int"}}`:                                                                "missing",
		`{"literal":{"type":"float","value":"NaN"}}`:                                                "is not a float",
		`{"literal":{"type":"json","value":"{}"}}`:                                                  "is not a json",
		`{"call":{"func":"exec","args":[` + column + `]}}`:                                          "unknown function",
		`{"call":{"func":"not","args":[` + column + `]}}`:                                           "must be bool",
		`{"call":{"func":"lower","args":[]}}`:                                                       "takes one argument",
		`{"call":{"func":"lower","args":[null]}}`:                                                   "object is expected",
		`{"subject":{"fact":"isAdmin"}}`:                                                            "unknown fact",
		`{"subject":{"fact":""}}`:                                                                   "unknown fact",
		`{"subject":{"fact":"attributeContains","key":"k"}}`:                                        "value to look for is missing",
		`{"subject":{"fact":"inGroup","text":"g","arg":` + column + `}}`:                            "takes no value",
		`{"key":{"id":""}}`:                                                                         "no id",
		`{"call":{"func":"hash","args":[` + column + `,` + column + `,` + column + `]}}`:            "must be a hash key",
		strings.Repeat(`{"call":{"func":"not","args":[`, 300) + column + strings.Repeat(`]}}`, 300): "nested deeper",
	} {
		n, err := DecodeJSON([]byte(src))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.80s: %v, %v does not say %q", src, n, err, says)
		}
	}
}

func TestUnknownNodesAreRefused(t *testing.T) {
	for name, n := range map[string]Node{
		"nil": nil, "a call not made by NewCall": Call{Func: "exec"}, "an unknown fact": Subject{},
		"a wrong value": Literal{Value: IntValue(1), Typ: TextType}, "a value too large": Literal{Value: IntValue(300), Typ: Type{Kind: Int, Bits: 8}},
	} {
		if b, err := EncodeJSON(n); err == nil {
			t.Errorf("%s was encoded as %s", name, b)
		}
		if c, err := NewCall(IsNull, n); err == nil {
			t.Errorf("%s was taken: %v", name, c)
		}
	}
	if text := Print(Call{Func: And, Args: []Node{True, Subject{}}}); !strings.Contains(text, "<unknown") {
		t.Error(text)
	}
	if n, ok := Fold(Subject{Fact: GroupsContain}, &Facts{Groups: []string{"g"}}).(Subject); !ok {
		t.Errorf("a fact about nothing became %v", n)
	}
	if n := Fold(Subject{}, &Facts{}); n.Type().Kind != Opaque {
		t.Errorf("an unknown fact became %v", n)
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{
		`{"call":{"func":"not","args":[{"literal":{"type":"bool","value":"true"}}]}}`, `{"literal":{"type":"decimal(3,2)","value":null}}`,
		`{"subject":{"fact":"groupsContain","arg":{"column":{"name":"a","type":"text"}}}}`, `{"key":{"id":"source/1"}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := DecodeJSON(b)
		if err != nil {
			return
		}
		out, err := EncodeJSON(n)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeJSON(out)
		if err != nil || Print(again) != Print(n) {
			t.Fatalf("%s: %v", out, err)
		}
		Fold(n, &Facts{})
	})
}
