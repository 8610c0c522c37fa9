// Package catalog answers questions about the catalogue (pg_catalog, information_schema)
// the way PostgreSQL 15 would, for exactly what one asker may know to exist.
//
// A DuckDB instance of its own, without data, holds one schema per visible set: a hash of
// who asks and which tables with which columns are visible. What an asker may not see is
// not in there, so there is no filter to get around. Statements are rewritten onto that
// schema by an explicit list of relations, functions and types; everything else is refused.
package catalog
