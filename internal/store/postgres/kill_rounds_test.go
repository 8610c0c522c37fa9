//go:build !kill

package postgres

// killRounds is how often processes are killed; `make test-kill` does it more often.
const killRounds = 4
