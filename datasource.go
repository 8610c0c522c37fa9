package stead

import (
	"strings"

	"stead/policy/expr"
)

// Platform is the kind of a connection.
type Platform string

// The platforms. Embedded and PostgreSQL have adapters; others are refused when a connection is made.
const (
	Embedded   Platform = "embedded"
	PostgreSQL Platform = "postgresql"
	Redshift   Platform = "redshift"
	Snowflake  Platform = "snowflake"
	Databricks Platform = "databricks" // Unity Catalog
	Spark      Platform = "spark"
	Synapse    Platform = "synapse"
	Trino      Platform = "trino"
)

// ConnectionID is the stable id of a connection.
type ConnectionID int64

// Connection is one platform that is governed.
type Connection struct {
	ID       ConnectionID `json:"id"`
	Key      string       `json:"key"`
	Platform Platform     `json:"platform"`
	// Address is what the platform understands: for Embedded a folder of Parquet, CSV
	// and JSON files or a DuckDB database file, for PostgreSQL a postgres:// URL or key=value
	// DSN without a password.
	Address string `json:"address"`
	// Credential names a secret of the keeper, never the secret itself.
	Credential string            `json:"credential,omitempty"`
	Settings   map[string]string `json:"settings,omitempty"`
	// Disabled is the connection's kill switch: every statement on it is refused.
	Disabled bool `json:"disabled,omitempty"`
	// Bundle is the bundle that created it, for prune.
	Bundle string `json:"bundle,omitempty"`
}

// SourceID is the stable id of a data source; 0 is an unregistered object.
type SourceID int64

// ObjectKind is what an Object is. The zero kind is unknown and refused.
type ObjectKind string

// The kinds of object.
const (
	TableObject    ObjectKind = "table" // table or view
	SchemaObject   ObjectKind = "schema"
	PathObject     ObjectKind = "path"
	FunctionObject ObjectKind = "function"
)

// Object is anything on a connection that a statement can touch, registered or not.
type Object struct {
	Connection string     `json:"connection"` // key
	Kind       ObjectKind `json:"kind"`
	Path       []string   `json:"path"` // as the platform spells it, e.g. schema, table
}

// String prints connection:path.parts, for messages and records.
func (o Object) String() string { return o.Connection + ":" + strings.Join(o.Path, ".") }

// Operation is what a statement does to an object. The zero Operation is unknown and refused.
type Operation uint8

// The operations.
const (
	UnknownOperation Operation = iota
	List                       // know that it exists, see its columns
	Read
	Insert
	Update
	Delete
	Define // create, alter, drop
)

var operationNames = [...]string{"unknown", "list", "read", "insert", "update", "delete", "define"}

// String returns the operation's name.
func (o Operation) String() string {
	if int(o) < len(operationNames) {
		return operationNames[o]
	}
	return operationNames[0]
}

// SourceState says whether a data source can be served. The zero state is invalid and refuses.
type SourceState string

// The states of a data source.
const (
	Active   SourceState = "active"
	Drifted  SourceState = "drifted" // what is behind it changed since registration: refused until looked at
	Disabled SourceState = "disabled"
)

// DataSource is a registered table or view.
type DataSource struct {
	ID          SourceID `json:"id"`
	Connection  string   `json:"connection"` // key
	Path        []string `json:"path"`       // schema, table; unique within the connection
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	// Location is where the platform finds the data when the path does not say it:
	// for Embedded the file, glob or "schema.table" of the database file, relative to the connection's address.
	Location string      `json:"location,omitempty"`
	Columns  []Column    `json:"columns"`
	Tags     []Tag       `json:"tags,omitempty"`
	Owners   []Principal `json:"owners,omitempty"`
	State    SourceState `json:"state"`
	// Reason says why State is not Active, for owners.
	Reason string `json:"reason,omitempty"`
	// Bundle is the bundle that created it, for prune.
	Bundle string `json:"bundle,omitempty"`
}

// Object is the data source as an object of its connection.
func (d *DataSource) Object() Object {
	return Object{Connection: d.Connection, Kind: TableObject, Path: d.Path}
}

// Column of a data source. Order is the table's order.
type Column struct {
	Name     string    `json:"name"`
	Type     expr.Type `json:"type"`
	Nullable bool      `json:"nullable,omitempty"`
	Tags     []Tag     `json:"tags,omitempty"`
}

// Tag is dotted and hierarchical: "PII.SSN" lies under "PII". Tags are compared byte for byte.
type Tag string

// Under reports whether t is root or lies below it.
func (t Tag) Under(root Tag) bool {
	return t == root || (strings.HasPrefix(string(t), string(root)) && t[len(root)] == '.')
}

// Depth is the number of dotted parts.
func (t Tag) Depth() int { return strings.Count(string(t), ".") + 1 }
