package store

import (
	"testing"

	"stead"
	"stead/policy"
)

func TestDocumentsTakeTheirIDFromTheRow(t *testing.T) {
	i := &stead.Identity{ID: 7, Name: "ana"}
	doc, err := Encode(i)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Encode(&stead.Identity{Name: "ana"})
	if err != nil || string(doc) != string(again) {
		t.Fatalf("%s and %s differ, %v", doc, again, err)
	}
	back, err := Decode[stead.Identity](Row{ID: 9, Doc: doc})
	if err != nil || back.ID != 9 || back.Name != "ana" {
		t.Fatalf("%+v, %v", back, err)
	}
	if _, err := Decode[stead.Identity](Row{Doc: []byte("{")}); err == nil {
		t.Error("a broken document was read")
	}
}

func TestPoliciesKeepWhatIsNotInTheirDocument(t *testing.T) {
	p, err := policy.Decode([]byte(`{"policyKey":"k","name":"n","type":"subscription","actions":{"type":"anyone"},"circumstances":[{"type":"all"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	p.Bundle, p.ID = "b", 4
	doc, err := EncodePolicy(p)
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodePolicy(Row{ID: 4, Revision: 5, Doc: doc})
	if err != nil || back.Bundle != "b" || back.ID != 4 || back.At != 5 || back.Subscription == nil {
		t.Fatalf("%+v, %v", back, err)
	}
}
