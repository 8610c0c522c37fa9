package policy

import (
	"encoding/json"
	"reflect"

	"stead"
)

// Decode reads one policy document strictly: unknown, duplicate and case-variant
// members are errors, all of them reported with their paths as Problems. It says nothing about whether the
// policy makes sense; that is Validate. ID, At and Bundle are left for the caller to set.
func Decode(doc []byte) (*Policy, error) {
	t, err := parseTree(doc)
	if err != nil {
		return nil, Problems{err}
	}
	p := &Policy{}
	f := &filler{}
	var actions *tree
	for i := 0; i < len(t.keys); i++ {
		if t.keys[i] != "actions" {
			continue
		}
		if actions != nil {
			f.bad("actions", "is given twice")
		}
		actions = &t.members[i]
	}
	f.fill(withoutActions(t), reflect.ValueOf(p).Elem(), "")
	f.fillActions(p, actions)
	if len(f.problems) > 0 {
		return nil, f.problems
	}
	return p, nil
}

// withoutActions leaves out the one member whose shape depends on another.
func withoutActions(t tree) tree {
	rest := tree{kind: t.kind}
	for i, m := range t.members {
		if t.kind == '{' && t.keys[i] == "actions" {
			continue
		}
		if t.kind == '{' {
			rest.keys = append(rest.keys, t.keys[i])
		}
		rest.members = append(rest.members, m)
	}
	return rest
}

// fillActions reads a list for a data policy and one object for a subscription policy.
func (f *filler) fillActions(p *Policy, actions *tree) {
	if actions == nil {
		f.bad("actions", "is missing")
		return
	}
	switch p.Type {
	case SubscriptionType:
		f.fill(*actions, reflect.ValueOf(&p.Subscription).Elem(), "actions")
	case DataType:
		f.fill(withoutUnknownShapes(*actions), reflect.ValueOf(&p.Data).Elem(), "actions")
	default:
		f.bad("type", "must be %q or %q", SubscriptionType, DataType)
	}
}

// MarshalJSON writes the payload that Decode reads.
func (p *Policy) MarshalJSON() ([]byte, error) {
	type payload Policy
	var actions any
	switch p.Type {
	case SubscriptionType:
		actions = p.Subscription
	case DataType:
		actions = p.Data
	default:
		return nil, stead.Errorf(stead.Invalid, "policy type %q is not known", p.Type)
	}
	return json.Marshal(struct {
		*payload
		Actions any `json:"actions"`
	}{(*payload)(p), actions})
}

// withoutUnknownShapes empties the configurations of kinds that are known by name only, so that Validate can
// say that the kind is not offered instead of Decode complaining about its members.
func withoutUnknownShapes(t tree) tree {
	if t.kind != '{' && t.kind != '[' {
		return t
	}
	out := tree{kind: t.kind, keys: t.keys}
	for i, m := range t.members {
		if t.kind == '{' && t.keys[i] == "config" && ruleNotOffered(t.textOf("type")) {
			m = tree{kind: '{'}
		}
		if t.kind == '{' && t.keys[i] == "maskingConfig" && maskNotOffered(m.textOf("type")) {
			m = tree{kind: '{', keys: []string{"type"}, members: []tree{{kind: 's', text: m.textOf("type")}}}
		}
		out.members = append(out.members, withoutUnknownShapes(m))
	}
	return out
}

// textOf is the text of a member of an object, "" if there is none.
func (t tree) textOf(key string) string {
	for i, k := range t.keys {
		if k == key {
			return t.members[i].text
		}
	}
	return ""
}
