//go:build !leak

package rewrite_test

// full is off: a short form of the throw scan runs.
const full = false
