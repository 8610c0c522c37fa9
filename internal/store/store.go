// Package store is the contract between the rules of stead and where its metadata
// lives. A store keeps documents of a few nouns, gives them integer ids, appends
// every change to one ordered log in the same transaction, and keeps audit records
// of changes until they are shipped to a segment. It knows no rule.
package store

import (
	"context"
	"io"

	"stead"
)

// Noun names a kind of stored document.
type Noun string

// The nouns. Each has one row space with unique ids and unique keys (see Key* functions).
const (
	Identities    Noun = "identity"
	Groups        Noun = "group"
	Connections   Noun = "connection"
	DataSources   Noun = "datasource"
	Policies      Noun = "policy"
	Purposes      Noun = "purpose"
	Projects      Noun = "project"
	Subscriptions Noun = "subscription"
	Settings      Noun = "setting"
	Verifiers     Noun = "verifier" // SCRAM parameters and verifiers of an identity; never in the change log's document
	APIKeys       Noun = "apikey"   // hashed; never in the change log's document
)

// Words is the noun as people read it in messages; "" for "".
func (n Noun) Words() string {
	switch n {
	case DataSources:
		return "data source"
	case APIKeys:
		return "API key"
	}
	return string(n)
}

// Secret reports whether documents of the noun stay out of the change log.
func Secret(n Noun) bool { return n == Verifiers || n == APIKeys }

// Borrowed reports whether rows of the noun take the id of what they belong to: a put gives the
// id, and creates the row if it is missing.
func Borrowed(n Noun) bool { return n == Verifiers }

// Row is one stored document. Doc is JSON.
type Row struct {
	Noun Noun
	// ID is assigned on creation from a sequence of the noun that never reuses a number
	// (except for Borrowed nouns). A document that holds its own id may be written before it is known:
	// readers take the row's.
	ID int64
	// Key is the unique key within the noun.
	Key string
	// Created and Revision are the revisions of the first and the last change.
	Created  stead.Revision
	Revision stead.Revision
	Doc      []byte
}

// Op is what a change did.
type Op string

// The ops.
const (
	OpPut    Op = "put"
	OpDelete Op = "delete"
)

// Change is one entry of the log. Entries of one transaction share a revision and are
// ordered by Ordinal. Row is the state after a put; after a delete only Noun, ID and Key are set.
// The Doc of secret nouns is empty: a consumer that needs it reads the row.
type Change struct {
	Revision stead.Revision
	Ordinal  int
	Op       Op
	Row      Row
}

// Reader reads one consistent state.
type Reader interface {
	// Get returns the row with the id, or a stead.NotFound error.
	Get(ctx context.Context, noun Noun, id int64) (Row, error)
	// Find returns the row with the key, or a stead.NotFound error.
	Find(ctx context.Context, noun Noun, key string) (Row, error)
	// List returns at most limit rows with ids above after, ascending; limit <= 0 means all.
	List(ctx context.Context, noun Noun, after int64, limit int) ([]Row, error)
	// Revision is the revision of the state read.
	Revision() stead.Revision
}

// Tx reads its own writes and commits or rolls back as a whole.
type Tx interface {
	Reader
	// Put creates (ID 0) or replaces a row and logs the change; a missing row is a stead.NotFound error. Creating an existing key, or
	// moving a row to a key in use, is a stead.Conflict. A put that changes nothing logs nothing.
	Put(ctx context.Context, row Row) (Row, error)
	// Delete removes a row and logs the change; a missing row is a stead.NotFound error.
	Delete(ctx context.Context, noun Noun, id int64) error
	// Record appends an audit record that commits with the transaction. It needs an ID (audit.NewID) and a Time;
	// a zero Revision becomes the transaction's if that changes anything.
	Record(ctx context.Context, r stead.Record) error
}

// PendingRecord is a record that committed with a change and was not shipped yet.
type PendingRecord struct {
	Seq    int64
	Record stead.Record
}

// Store keeps the governed world. All methods are safe for concurrent use. Errors other than
// stead.Error values mean that the store could not answer (stead.Unavailable when it is away).
type Store interface {
	// View runs fn on one consistent state.
	View(ctx context.Context, fn func(Reader) error) error
	// Update runs fn in a transaction and commits it, unless fn or the commit fails; then nothing
	// happened. It returns the revision after the commit. Revisions are assigned in commit order:
	// a reader that saw revision n will never see a later commit with a revision <= n.
	// fn may be run again when the database asks for it, and must have no other effects; it must not
	// call Update of the same store.
	Update(ctx context.Context, fn func(Tx) error) (stead.Revision, error)
	// Changes returns log entries with revisions above after, whole revisions only, in order, at
	// least one revision when there is one, otherwise at most about limit entries. When the log no
	// longer reaches back to after, or after lies ahead of the last commit (the store was restored), it
	// returns a stead.Conflict: the consumer starts from a full List.
	Changes(ctx context.Context, after stead.Revision, limit int) ([]Change, error)
	// Revision returns the revision of the last commit.
	Revision(ctx context.Context) (stead.Revision, error)
	// Watch returns a channel that receives (without blocking the store) after commits, of this
	// process at once, of others within a second. It is closed when ctx ends.
	Watch(ctx context.Context) <-chan struct{}
	// PendingRecords returns records not acknowledged yet, oldest first. Where several processes use the
	// store, each record goes to one of them for good, and comes back to it until it is acknowledged.
	PendingRecords(ctx context.Context, limit int) ([]PendingRecord, error)
	// AckRecords forgets the caller's pending records up to and including seq.
	AckRecords(ctx context.Context, seq int64) error
	// Mark keeps a text under a name, if there is none yet or it is to be replaced, and returns what is kept.
	// Marks have no revision and are in no log; a backup has them.
	Mark(ctx context.Context, name, value string, replace bool) (string, error)
	// Export calls fn for everything that is stored, of one consistent state, in the order of Item.
	Export(ctx context.Context, fn func(*Item) error) error
	// Backup writes a consistent copy that Restore of the same implementation reads.
	Backup(ctx context.Context, w io.Writer) error
	Close() error
}
