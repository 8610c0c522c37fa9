//go:build !linux

package cli

import (
	"errors"
	"os"
)

// hideInput refuses: typing a secret that is shown is worse than asking for --stdin.
func hideInput(*os.File) (func(), error) {
	return nil, errors.New("the echo of this system's terminals cannot be turned off here")
}
