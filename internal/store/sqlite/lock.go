//go:build unix

package sqlite

import (
	"errors"
	"os"
	"syscall"

	"stead"
)

// lockFolder takes the folder's lock, which ends with the process, or refuses.
func lockFolder(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, translate(err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	if cerr := f.Close(); cerr != nil {
		err = errors.Join(err, cerr)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, stead.Errorf(stead.Conflict, "another process uses the data folder").
			WithHint("stop the other stead server, or give this one a folder of its own").WithCause(err)
	}
	return nil, translate(err)
}
