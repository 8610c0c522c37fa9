package expr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Limits of the JSON form.
const (
	maxJSON      = 1 << 24 // bytes
	maxJSONDepth = 2 * MaxDepth
)

var factNames = map[Fact]string{
	HasAttribute: "hasAttribute", InGroup: "inGroup", UsingPurpose: "usingPurpose", AttributeContains: "attributeContains",
	GroupsContain: "groupsContain", PurposesContain: "purposesContain", UserName: "userName", UserIAM: "userIAM", Now: "now", Today: "today",
}

type jsonLiteral struct {
	Type  Type    `json:"type"`
	Value *string `json:"value"` // canonical text; null is NULL
}

type jsonColumn struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
}

type jsonKey struct {
	ID string `json:"id"`
}

type jsonSubject struct {
	Fact        string          `json:"fact"`
	Key         string          `json:"key,omitempty"`
	Text        string          `json:"text,omitempty"`
	Arg         json.RawMessage `json:"arg,omitempty"`
	Placeholder *string         `json:"placeholder,omitempty"`
}

type jsonCall struct {
	Func Func              `json:"func"`
	Args []json.RawMessage `json:"args"`
}

// EncodeJSON is an expression as JSON: an object of one member that names the node.
func EncodeJSON(n Node) ([]byte, error) {
	if err := valid(n); err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case Literal:
		return encodeLiteral(n)
	case Column:
		return json.Marshal(map[string]jsonColumn{"column": {n.Name, n.Typ}})
	case Key:
		return json.Marshal(map[string]jsonKey{"key": {n.ID}})
	case Subject:
		if factNames[n.Fact] == "" {
			return nil, fmt.Errorf("fact %d has no JSON form", n.Fact)
		}
		s := jsonSubject{Fact: factNames[n.Fact], Key: n.Key, Text: n.Text, Placeholder: n.Placeholder}
		if n.Arg != nil {
			arg, err := EncodeJSON(n.Arg)
			if err != nil {
				return nil, err
			}
			s.Arg = arg
		}
		return json.Marshal(map[string]jsonSubject{"subject": s})
	case Call:
		c := jsonCall{Func: n.Func, Args: make([]json.RawMessage, len(n.Args))}
		for i, a := range n.Args {
			arg, err := EncodeJSON(a)
			if err != nil {
				return nil, err
			}
			c.Args[i] = arg
		}
		return json.Marshal(map[string]jsonCall{"call": c})
	default:
		return nil, fmt.Errorf("unknown node %T", n)
	}
}

func encodeLiteral(l Literal) ([]byte, error) {
	out := jsonLiteral{Type: l.Typ}
	if l.Value.Valid {
		text, ok := CanonicalText(l.Value, l.Typ)
		if l.Typ.Kind == Float {
			text, ok = strconv.FormatFloat(l.Value.Float, 'e', -1, 64), true
		}
		if !ok {
			return nil, fmt.Errorf("a literal of type %s has no text", l.Typ)
		}
		out.Value = &text
	}
	return json.Marshal(map[string]jsonLiteral{"literal": out})
}

// DecodeJSON reads what EncodeJSON writes and nothing else: an unknown, repeated or
// otherwise spelled member, an unknown function or fact, or arguments that NewCall
// refuses are errors.
func DecodeJSON(b []byte) (Node, error) {
	if len(b) > maxJSON {
		return nil, fmt.Errorf("the expression is longer than %d bytes", maxJSON)
	}
	if !json.Valid(b) {
		return nil, errors.New("the expression is not valid JSON")
	}
	n, err := decodeNode(b, 0)
	if err != nil {
		return nil, err
	}
	return n, valid(n)
}

func decodeNode(b []byte, depth int) (Node, error) {
	if depth > maxJSONDepth {
		return nil, fmt.Errorf("the expression is nested deeper than %d", maxJSONDepth)
	}
	name, body, err := onlyMember(b)
	if err != nil {
		return nil, err
	}
	switch name {
	case "literal":
		return decodeLiteral(body)
	case "column":
		var c jsonColumn
		err := strict(body, &c, 2, "name", "type")
		return Column{Name: c.Name, Typ: c.Type}, err
	case "key":
		var k jsonKey
		err := strict(body, &k, 1, "id")
		return Key(k), err
	case "subject":
		return decodeSubject(body, depth)
	case "call":
		var c jsonCall
		if err := strict(body, &c, 2, "func", "args"); err != nil {
			return nil, err
		}
		args := make([]Node, len(c.Args))
		for i, raw := range c.Args {
			if args[i], err = decodeNode(raw, depth+1); err != nil {
				return nil, err
			}
		}
		return asNode(NewCall(c.Func, args...))
	default:
		return nil, fmt.Errorf("unknown node %q", name)
	}
}

func asNode(c Call, err error) (Node, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

func decodeLiteral(body []byte) (Node, error) {
	var l jsonLiteral
	if err := strict(body, &l, 2, "type", "value"); err != nil {
		return nil, err
	}
	if l.Value == nil {
		return NullOf(l.Type), nil
	}
	v, ok := ParseCanonical(*l.Value, l.Type)
	if l.Type.Kind == Float {
		v, ok = parseWritten(*l.Value, l.Type)
	}
	out := Literal{Value: v, Typ: l.Type}
	if !ok || validLiteral(out) != nil {
		return nil, fmt.Errorf("%q is not a %s", *l.Value, l.Type)
	}
	return out, nil
}

func decodeSubject(body []byte, depth int) (Node, error) {
	var j jsonSubject
	if err := strict(body, &j, 1, "fact", "key", "text", "arg", "placeholder"); err != nil {
		return nil, err
	}
	s := Subject{Key: j.Key, Text: j.Text, Placeholder: j.Placeholder}
	for f, name := range factNames {
		if name == j.Fact {
			s.Fact = f
		}
	}
	if j.Arg != nil {
		arg, err := decodeNode(j.Arg, depth+1)
		if err != nil {
			return nil, err
		}
		s.Arg = arg
	}
	if err := validSubject(s); err != nil {
		return nil, err
	}
	return s, nil
}

// onlyMember takes an object of exactly one member apart.
func onlyMember(b []byte) (string, []byte, error) {
	names, values, err := members(b)
	if err != nil {
		return "", nil, err
	}
	if len(names) != 1 {
		return "", nil, errors.New("a node is an object with exactly one member")
	}
	return names[0], values[0], nil
}

// strict decodes an object whose members are all among the allowed names, each once;
// the first ones must be there.
func strict(b []byte, into any, required int, allowed ...string) error {
	names, _, err := members(b)
	if err != nil {
		return err
	}
	left := make(map[string]bool, len(allowed))
	for _, name := range allowed {
		left[name] = true
	}
	for _, name := range names {
		if !left[name] {
			return fmt.Errorf("member %q is unknown or given twice", name)
		}
		delete(left, name)
	}
	for _, name := range allowed[:required] {
		if left[name] {
			return fmt.Errorf("member %q is missing", name)
		}
	}
	return json.Unmarshal(b, into)
}

func members(b []byte) (names []string, values []json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, errors.New("an object is expected")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, nil, err
		}
		name, _ := t.(string)
		names, values = append(names, name), append(values, raw)
	}
	return names, values, nil
}
