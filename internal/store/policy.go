package store

import (
	"encoding/json"

	"stead"
	"stead/policy"
)

// storedPolicy keeps beside a policy document what is not part of the document.
type storedPolicy struct {
	Bundle string          `json:"bundle,omitempty"`
	Policy json.RawMessage `json:"policy"`
}

// EncodePolicy makes the stored form of a policy.
func EncodePolicy(p *policy.Policy) ([]byte, error) {
	doc, err := p.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return json.Marshal(storedPolicy{Bundle: p.Bundle, Policy: doc})
}

// DecodePolicy reads the stored form, with the id and revision of its row.
func DecodePolicy(row Row) (*policy.Policy, error) {
	var s storedPolicy
	if err := json.Unmarshal(row.Doc, &s); err != nil {
		return nil, stead.AsError(err)
	}
	p, err := policy.Decode(s.Policy)
	if err != nil {
		return nil, err
	}
	p.ID, p.At, p.Bundle = row.ID, row.Revision, s.Bundle
	return p, nil
}
