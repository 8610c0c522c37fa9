package httpapi

import (
	"context"
	"net/http"
	"time"

	"stead/internal/govern"
	"stead/internal/store"
)

// Key is an API key without its secret.
type Key struct {
	ID      int64      `json:"id"`
	Name    string     `json:"name"`
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"`
	Project string     `json:"project,omitempty" doc:"The project the key acts in"`
	Secret  string     `json:"secret,omitempty" doc:"Shown once, when the key is made"`
}

func keyOf(k store.APIKey) Key {
	return Key{ID: k.ID, Name: k.Name, Created: k.Created, Expires: k.Expires, Project: k.Project}
}

// NewKey is a key to be made.
type NewKey struct {
	Name    string     `json:"name" maxLength:"256" doc:"Unique for the identity"`
	Expires *time.Time `json:"expires,omitempty"`
	Project string     `json:"project,omitempty" doc:"Bind the key to a project; it changes nothing in stead then"`
}

func (s *server) keyRoutes() {
	handle(s, route("list-keys", http.MethodGet, "/v1/identities/{name}/keys", "List the API keys of a user or agent", "keys"), s.listKeys)
	made := route("create-key", http.MethodPost, "/v1/identities/{name}/keys", "Make an API key; its secret is shown once", "keys")
	made.DefaultStatus = http.StatusCreated
	handle(s, made, s.createKey)
	handle(s, route("delete-key", http.MethodDelete, "/v1/identities/{name}/keys/{key}", "Revoke an API key", "keys"), s.deleteKey)
}

func (s *server) listKeys(ctx context.Context, in *Named) (*listed[Key], error) {
	keys, err := s.Govern.Keys(ctx, callerOf(ctx), in.IAM, in.Name)
	if err != nil {
		return nil, err
	}
	out := &listed[Key]{}
	out.Body.Items = make([]Key, len(keys))
	for i, k := range keys {
		out.Body.Items[i] = keyOf(k)
	}
	return out, nil
}

type createdKey struct{ Body Key }

func (s *server) createKey(ctx context.Context, in *struct {
	Named
	Body NewKey
}) (*createdKey, error) {
	secret, k, err := s.Govern.CreateKey(ctx, callerOf(ctx), govern.NewKey{IAM: in.IAM, Identity: in.Name,
		Name: in.Body.Name, Expires: in.Body.Expires, Project: in.Body.Project})
	if err != nil {
		return nil, err
	}
	out := &createdKey{Body: keyOf(k)}
	out.Body.Secret = secret
	return out, nil
}

func (s *server) deleteKey(ctx context.Context, in *struct {
	Named
	Key string `path:"key" maxLength:"256"`
}) (*struct{}, error) {
	return &struct{}{}, s.Govern.RevokeKey(ctx, callerOf(ctx), in.IAM, in.Name, in.Key)
}
