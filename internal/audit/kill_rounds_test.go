//go:build !kill

package audit

// killRounds is how often the process is killed; `make test-kill` does it more often.
const killRounds = 5
