package httpapi

import (
	"context"
	"net/http"

	"stead"
	"stead/internal/keys"
)

// Kept tells what became of a credential; its text is never given.
type Kept struct {
	Name string `json:"name"`
	Op   string `json:"op" enum:"set,deleted"`
}

type kept struct{ Body Kept }

func (s *server) credentialRoutes() {
	const noun, at = "credentials", "/v1/credentials/{name}"
	handle(s, route("set-credential", http.MethodPut, at, "Keep a credential that connections name; it is never given back", noun),
		func(ctx context.Context, in *struct {
			CredentialName
			Body struct {
				Secret string `json:"secret" maxLength:"8192" doc:"One line, for example a password"`
			}
		}) (*kept, error) {
			return s.keep(in.Name, "set", func(k keys.Credentials) error {
				return s.Govern.SetCredential(ctx, callerOf(ctx), k, in.Name, in.Body.Secret)
			})
		})
	handle(s, route("delete-credential", http.MethodDelete, at, "Forget a credential", noun),
		func(ctx context.Context, in *CredentialName) (*kept, error) {
			return s.keep(in.Name, "deleted", func(k keys.Credentials) error {
				return s.Govern.DeleteCredential(ctx, callerOf(ctx), k, in.Name)
			})
		})
}

// CredentialName names a credential.
type CredentialName struct {
	Name string `path:"name" maxLength:"64" doc:"Letters, digits, dots, underscores, dashes and, escaped as %2F, slashes"`
}

func (s *server) keep(name, op string, act func(keys.Credentials) error) (*kept, error) {
	if s.Credentials == nil {
		return nil, stead.Errorf(stead.Unsupported, "this server's keeper takes no credentials").WithHint("an operator gives them to the keeper itself")
	}
	if err := act(s.Credentials); err != nil {
		return nil, err
	}
	return &kept{Body: Kept{Name: name, Op: op}}, nil
}
