package store

import (
	"encoding/json"

	"stead"
)

// Decode reads a row's document and gives it the row's id: documents are stored without their own, which is
// not known when they are created. Policies are read with DecodePolicy.
func Decode[T any](row Row) (*T, error) {
	out := new(T)
	if err := json.Unmarshal(row.Doc, out); err != nil {
		return nil, stead.AsError(err)
	}
	SetID(out, row.ID)
	return out, nil
}

// Encode makes the stored form of a document; its id is left out. It leaves doc, a pointer, without its id.
func Encode(doc any) ([]byte, error) {
	SetID(doc, 0)
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, stead.AsError(err)
	}
	return text, nil
}

// SetID gives a document, a pointer, its id. Documents without one are left alone.
func SetID(doc any, id int64) {
	switch d := doc.(type) {
	case *stead.Identity:
		d.ID = stead.IdentityID(id)
	case *stead.Group:
		d.ID = stead.GroupID(id)
	case *stead.Connection:
		d.ID = stead.ConnectionID(id)
	case *stead.DataSource:
		d.ID = stead.SourceID(id)
	case *stead.Project:
		d.ID = stead.ProjectID(id)
	case *stead.Purpose:
		d.ID = stead.PurposeID(id)
	case *stead.Subscription:
		d.ID = stead.SubscriptionID(id)
	case *APIKey:
		d.ID = id
	}
}
