//go:build unix

package audit

import (
	"errors"
	"os"
	"syscall"

	"stead"
)

// lockFolder takes the writer's lock, which ends with the process, or refuses.
func lockFolder(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, away(err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	err = errors.Join(err, f.Close())
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, stead.Errorf(stead.Conflict, "another process writes this audit log").
			WithHint("stop the other stead server, or give this one another writer name").WithCause(err)
	}
	return nil, away(err)
}
