package httpapi

import (
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"stead"
)

// describe says of the words' types what their Go form does not: which members a request may leave out, and which stead fills in.
func describe(r huma.Registry) {
	for _, d := range []struct {
		t        reflect.Type
		optional []string
	}{
		{reflect.TypeFor[stead.Principal](), []string{"iam"}},
		{reflect.TypeFor[stead.Object](), []string{"kind"}},
		{reflect.TypeFor[stead.Identity](), []string{"iam", "name"}},
		{reflect.TypeFor[stead.Group](), []string{"iam", "name"}},
		{reflect.TypeFor[stead.Connection](), []string{"key"}},
		{reflect.TypeFor[stead.DataSource](), []string{"connection", "path", "name", "state"}},
		{reflect.TypeFor[stead.Project](), []string{"key", "name"}},
		{reflect.TypeFor[stead.Purpose](), []string{"key"}},
		{reflect.TypeFor[stead.Subscription](), []string{"access", "state"}},
	} {
		s := r.SchemaFromRef(r.Schema(d.t, true, d.t.Name()).Ref)
		s.Required = slices.DeleteFunc(s.Required, func(name string) bool { return name == "id" || slices.Contains(d.optional, name) })
		for _, name := range []string{"id", "bundle"} {
			if p := s.Properties[name]; p != nil {
				p.ReadOnly = true
			}
		}
		s.PrecomputeMessages()
	}
}
