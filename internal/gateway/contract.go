package gateway

import (
	"context"

	"stead/internal/gateway/pgvalue"
	"stead/internal/session"
)

// Opener opens the session of a proven login. An error refuses the connection.
type Opener interface {
	Open(ctx context.Context, login session.Login, client session.Client) (Session, error)
	// Refused records a login that was not proven and returns err, or why no record could be made.
	Refused(ctx context.Context, user string, client session.Client, err error) error
}

// Session is what one client connection asks through. The wire never learns who the asker is:
// it forwards requests, and every Plan and Execute resolves and checks anew. Errors are
// stead.Error values or are shown as internal ones.
type Session interface {
	// Impersonate asks to act in the stead of name from the next statement on. After an error
	// every statement is refused until EndImpersonation.
	Impersonate(ctx context.Context, name string) error
	// EndImpersonation goes back to the login's own identity; refused when pinned.
	EndImpersonation(ctx context.Context) error
	// Impersonating is the name that was asked for, permitted or not.
	Impersonating() (name string, ok bool)
	SetProject(ctx context.Context, key string) error
	// ResetProject goes back to the project that the subject acts in.
	ResetProject()
	// Project is what SetProject asked for, and false when nothing was.
	Project() (key string, ok bool)
	// Plan resolves the asker and plans the statement. Nothing of the data was read.
	Plan(ctx context.Context, q Query) (Plan, error)
	Close()
}

// Query is one statement as the client sent it.
type Query struct {
	Text string
	// Params are the OIDs that the client declared; 0 leaves a type to the planner.
	Params []uint32
	// SearchPath are the schemas in which unqualified names are looked for.
	SearchPath []string
	// Application as the client calls itself now, for records.
	Application string
	// Now says that the plan is executed at once, if at all: one resolution of the asker is enough.
	Now bool
}

// Plan is a planned statement. It holds no right: Execute asks again.
type Plan interface {
	// Params are the types of the parameters $1 to $n.
	Params() []uint32
	// Columns of the answer, found without reading data.
	Columns(ctx context.Context) ([]Column, error)
	// Execute resolves the asker anew, plans again when a decision changed, makes the intent
	// record durable and starts. Rows that were returned must be closed.
	Execute(ctx context.Context, args []Arg) (Rows, error)
}

// Rows is a running answer. It is used by one goroutine at a time.
type Rows interface {
	Columns() []Column
	// Next returns the next chunk, valid until the following call, or io.EOF. It returns soon
	// after ctx ends.
	Next(ctx context.Context) (Chunk, error)
	// Check refuses when the asker may no longer see what these rows come from; called before
	// a suspended answer goes on.
	Check(ctx context.Context) error
	// Close ends the statement and records its outcome: how many rows were sent, and the error
	// that ended it early, if any.
	Close(rows int64, err error) error
}

// Column describes one column of an answer.
type Column struct {
	Name string
	OID  uint32
	Size int16 // bytes, -1 for variable
	Mod  int32 // type modifier, -1 for none
}

// Chunk is a block of rows.
type Chunk interface {
	Len() int
	// Append appends the value to dst in the given format; ok is false for NULL.
	Append(dst []byte, col, row int, format pgvalue.Format) (out []byte, ok bool, err error)
}

// Arg is a parameter's value, already decoded: nil for NULL, or what duck.Stmt.Bind takes.
type Arg = any

// Metrics counts what happens at the wire. Methods are called often and must not block.
type Metrics interface {
	Connection(open int)
	SignIn(ok bool)
	// Statement reports one finished statement by its SQLSTATE ("00000" when it succeeded).
	Statement(sqlstate string, rows int64, seconds float64)
}
