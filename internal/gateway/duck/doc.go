// Package duck is the only place that talks to DuckDB: engines over a folder of
// files or a database file, connections, prepared statements, streamed results,
// the parser used by the rewriter, and the discovery of tables.
//
// What a connection runs is limited here by kind: Prepare takes one SELECT,
// Exec takes the few statements the gateway itself needs, and nothing writes a
// file, attaches a database, loads an extension or changes the configuration
// after Open has returned. Which tables and functions a SELECT may name is the
// rewriter's business, not this package's.
package duck
