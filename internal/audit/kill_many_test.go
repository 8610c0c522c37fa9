//go:build kill

package audit

const killRounds = 200
