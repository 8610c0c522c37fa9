//go:build !leak

package gateway_test

// The full suite, behind the build tag of make test-leak, tries every attempt by every way and on other storage.
const leakFull = false
