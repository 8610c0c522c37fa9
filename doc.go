// Package stead holds the words of the project as types: who asks and in whose
// stead, what is asked about, what was decided, what is recorded, and the one
// error type. It has no behaviour beyond what follows from a word's meaning;
// rules live in policy, internal/decide and internal/govern.
package stead
