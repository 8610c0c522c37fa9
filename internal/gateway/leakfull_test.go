//go:build leak

package gateway_test

import "testing"

const leakFull = true

// TestLeakAttemptsElsewhere runs the attempts over a database file and over CSV, which the throw scan does not cover.
func TestLeakAttemptsElsewhere(t *testing.T) {
	for _, storage := range []string{"duckdb", "csv"} {
		t.Run(storage, func(t *testing.T) {
			governed, reference := leakHouses(t, storage, houseOptions{})
			governed.mustSing(t)
			runAttempts(t, governed, reference, ways[:2], false)
		})
	}
}
