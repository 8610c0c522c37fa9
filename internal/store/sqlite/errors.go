package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"stead"
)

// translate turns what the driver or the file system says into the words of stead; an error
// that is one already stays as it is. The path of the folder is kept for the log.
func translate(err error) error {
	if err == nil {
		return nil
	}
	var known *stead.Error
	var driver *sqlite.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled):
		return stead.Errorf(stead.Canceled, "the request was canceled").WithCause(err)
	case errors.Is(err, context.DeadlineExceeded):
		return stead.Errorf(stead.Limit, "the store did not answer in the time given").WithCause(err)
	case errors.As(err, &driver):
		return translateCode(driver.Code()&0xff, err)
	case errors.Is(err, syscall.ENOSPC):
		return translateCode(sqlite3.SQLITE_FULL, err)
	case errors.Is(err, os.ErrPermission), errors.As(err, new(*fs.PathError)):
		return translateCode(sqlite3.SQLITE_CANTOPEN, err)
	}
	return stead.AsError(err)
}

func translateCode(code int, err error) error {
	switch code {
	case sqlite3.SQLITE_FULL:
		return stead.Errorf(stead.Unavailable, "the store's disk is full").
			WithHint("free some space; nothing was changed").WithCause(err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return stead.Errorf(stead.Unavailable, "the store is busy").WithHint("try again").WithCause(err)
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return stead.Errorf(stead.Unavailable, "the store's data folder cannot be read or written").
			WithHint("an operator checks the folder, its permissions and its disk").WithCause(err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return stead.Errorf(stead.Internal, "the store's data is damaged").
			WithHint("an operator restores a backup into an empty folder").WithCause(err)
	case sqlite3.SQLITE_INTERRUPT:
		return stead.Errorf(stead.Canceled, "the request was canceled").WithCause(err)
	}
	return stead.AsError(err)
}
