package postgres

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"strings"

	"stead/internal/push"
)

//go:embed version.sql
var versionSQL string

// bootstrap are the statements that make our own objects; the event trigger that closes tables again is for superusers.
func bootstrap(s push.Settings, connection, instance string, super bool) ([]string, error) {
	script, err := systemScript(s, connection, instance)
	if err != nil {
		return nil, err
	}
	script = append(script, "RESET ROLE")
	script = append(script, strings.Split(strings.TrimSpace(versionSQL), "\n--\n")...)
	if super {
		events, err := systemEventScript(s)
		if err != nil {
			return nil, err
		}
		script = append(script, events...)
	}
	digest, err := bootDigest(s)
	if err != nil {
		return nil, err
	}
	return append(script, "UPDATE immuta_system.meta SET script = "+literal(digest)), nil
}

// bootDigest is what meta holds as the script that was run.
func bootDigest(s push.Settings) (string, error) {
	digest, err := systemDigest(s)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(digest + versionSQL))
	return hex.EncodeToString(sum[:16]), nil
}
