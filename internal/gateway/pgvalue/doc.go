// Package pgvalue has PostgreSQL's text and binary forms of values, both ways: the engine's
// vectors as clients read them, and what clients send as the engine binds it.
package pgvalue
