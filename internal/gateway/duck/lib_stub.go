//go:build !cgo

package duck

import "stead"

// Without cgo there is no DuckDB: whatever would open one says so.

func errNoEngine() error {
	return stead.Errorf(stead.Unsupported, "this build has no embedded engine").
		WithHint("build with CGO_ENABLED=1 and a C++ compiler")
}

type (
	library  struct{}
	link     struct{}
	prepared struct{}
	pending  struct{}
	result   struct{}
	chunk    struct{}
)

func openLibrary(string) (*library, error)       { return nil, errNoEngine() }
func (*library) close()                          {}
func (*library) connect() (*link, error)         { return nil, errNoEngine() }
func (*link) interrupt()                         {}
func (*link) close()                             {}
func (*link) prepare(string) (*prepared, error)  { return nil, errNoEngine() }
func (*prepared) close()                         {}
func (*prepared) kind() int                      { return 0 }
func (*prepared) params() int                    { return 0 }
func (*prepared) paramType(int) *Type            { return &Type{} }
func (*prepared) columns() []Column              { return nil }
func (*prepared) bind(int, any) error            { return errNoEngine() }
func (*prepared) pending(bool) (*pending, error) { return nil, errNoEngine() }
func (*pending) close()                          {}
func (*pending) run() (*result, error)           { return nil, errNoEngine() }
func (*result) close()                           {}
func (*result) changed() int64                   { return 0 }
func (*result) next() (*chunk, error)            { return nil, errNoEngine() }
func (*chunk) close()                            {}
func (*chunk) size() int                         { return 0 }
func (*chunk) load(int, *Vector)                 {}
func engineVersion() string                      { return "" }
