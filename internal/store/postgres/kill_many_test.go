//go:build kill

package postgres

const killRounds = 60
