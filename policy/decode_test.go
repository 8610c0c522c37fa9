package policy

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"stead"
)

const rowRule = `{"policyKey":"rows","name":"Rows","type":"data","circumstances":[{"type":"tags","tag":"HR"}],
 "actions":[{"description":"d","rules":[{"type":"Row Restriction by User Entitlements",
  "config":{"operator":"all","matches":[{"type":"attribute","attribute":"department","tag":"Dept"}]}}]}]}`

const subscription = `{"policyKey":"sub","name":"Sub","type":"subscription","circumstances":[{"type":"all"}],
 "actions":{"type":"entitlements","entitlements":{"operator":"any","groups":["G"]},"automaticSubscription":true}}`

func TestDecodeReadsBothShapesOfActions(t *testing.T) {
	p, err := Decode([]byte(rowRule))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Data) != 1 || p.Data[0].Rules[0].Config.Matches[0].Attribute != "department" || p.Subscription != nil {
		t.Fatalf("read %+v", p)
	}
	if p, err = Decode([]byte(subscription)); err != nil {
		t.Fatal(err)
	}
	if p.Subscription == nil || *p.Subscription.AutomaticSubscription != true || p.Data != nil {
		t.Fatalf("read %+v", p)
	}
	for _, p := range []*Policy{p} {
		if problems := Validate(p); len(problems) > 0 {
			t.Fatal(problems)
		}
	}
}

func TestDecodeRefusesWhatItDoesNotKnow(t *testing.T) {
	cases := map[string]struct{ doc, path string }{
		"unknown member":             {`{"policyKey":"k","name":"n","type":"data","actions":[],"colour":1}`, "colour"},
		"case variant":               {`{"PolicyKey":"k","name":"n","type":"data","actions":[]}`, "PolicyKey"},
		"duplicate":                  {`{"policyKey":"k","policyKey":"l","name":"n","type":"data","actions":[]}`, "policyKey"},
		"duplicate actions":          {`{"policyKey":"k","name":"n","type":"data","actions":[],"actions":[]}`, "actions"},
		"nested unknown":             {`{"policyKey":"k","name":"n","type":"data","actions":[{"rules":[{"type":"Masking","config":{"feelds":[]}}]}]}`, "actions[0].rules[0].config.feelds"},
		"nested case variant":        {`{"policyKey":"k","name":"n","type":"data","actions":[{"rules":[{"type":"Masking","exceptions":{"Groups":["g"]}}]}]}`, "actions[0].rules[0].exceptions.Groups"},
		"nested duplicate":           {`{"policyKey":"k","name":"n","type":"data","actions":[{"rules":[],"rules":[]}]}`, "actions[0].rules"},
		"list for a subscription":    {`{"policyKey":"k","name":"n","type":"subscription","actions":[]}`, "actions"},
		"object for a data policy":   {`{"policyKey":"k","name":"n","type":"data","actions":{}}`, "actions"},
		"no actions":                 {`{"policyKey":"k","name":"n","type":"data"}`, "actions"},
		"unknown type":               {`{"policyKey":"k","name":"n","type":"Data","actions":[]}`, "type"},
		"null exceptions":            {`{"policyKey":"k","name":"n","type":"data","actions":[{"rules":[{"type":"Masking","exceptions":null}]}]}`, "actions[0].rules[0].exceptions"},
		"a number where a text is":   {`{"policyKey":7,"name":"n","type":"data","actions":[]}`, "policyKey"},
		"a fraction where an int is": {`{"policyKey":"k","name":"n","type":"data","actions":[{"rules":[{"type":"Masking","config":{"maskingConfig":{"type":"Hash","length":1.5}}}]}]}`, "actions[0].rules[0].config.maskingConfig.length"},
		"a text where a flag is":     {`{"policyKey":"k","name":"n","type":"data","actions":[],"staged":"true"}`, "staged"},
		"something after it":         {`{"policyKey":"k","name":"n","type":"data","actions":[]} {}`, ""},
		"half a document":            {`{"policyKey":"k"`, ""},
		"not an object":              {`[]`, ""},
		"too deep":                   {strings.Repeat("[", 100), ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(c.doc))
			if err == nil {
				t.Fatal("accepted")
			}
			if stead.CodeOf(err) != stead.Invalid {
				t.Fatalf("code %s: %v", stead.CodeOf(err), err)
			}
			for _, p := range err.(Problems) {
				if p.Place.Path == c.path {
					return
				}
			}
			t.Fatalf("no problem at %q: %v", c.path, err)
		})
	}
}

func TestDecodeReportsEveryProblem(t *testing.T) {
	_, err := Decode([]byte(`{"a":1,"b":2,"type":"data","actions":[{"c":3}]}`))
	if problems, ok := err.(Problems); !ok || len(problems) != 3 {
		t.Fatalf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(rowRule))
	f.Add([]byte(subscription))
	f.Add([]byte(`{"policyKey":"k","type":"data","actions":[{"rules":[{"type":"Minimization","config":{"percent":3}}]}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, err := Decode(doc)
		if err != nil {
			return
		}
		Validate(p)
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		q, err := Decode(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		third, err := json.Marshal(q)
		if err != nil || string(third) != string(again) {
			t.Fatalf("%s is not %s", third, again)
		}
	})
}

func TestMarshalIsReadBack(t *testing.T) {
	for _, doc := range []string{rowRule, subscription} {
		p, err := Decode([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		q, err := Decode(b)
		if err != nil || !reflect.DeepEqual(p, q) {
			t.Fatalf("%+v became %+v: %v", p, q, err)
		}
	}
}
