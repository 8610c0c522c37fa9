package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"stead"
)

// readSecret asks twice without echo at a terminal, or reads one line of standard input.
func (e *env) readSecret(what string, stdin bool) (string, error) {
	if stdin {
		line, err := bufio.NewReader(io.LimitReader(e.in, 64<<10)).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	in, restore, err := e.silent(what)
	if err != nil {
		return "", err
	}
	defer restore()
	first, err := e.promptLine(in, what)
	if err != nil {
		return "", err
	}
	second, err := e.promptLine(in, what+" again")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", stead.Errorf(stead.Invalid, "the two differ").WithHint("try again")
	}
	return first, nil
}

// askSecret asks once without echo for a secret that is known elsewhere.
func (e *env) askSecret(what string) (string, error) {
	in, restore, err := e.silent(what)
	if err != nil {
		return "", stead.AsError(err).WithHint("give it on standard input, with --password-stdin")
	}
	defer restore()
	return e.promptLine(in, what)
}

// silent is the terminal without echo, until restore is called.
func (e *env) silent(what string) (in *bufio.Reader, restore func(), err error) {
	f, ok := e.in.(*os.File)
	if !ok {
		return nil, nil, noTerminal(what)
	}
	if restore, err = hideInput(f); err != nil {
		return nil, nil, noTerminal(what).WithCause(err)
	}
	return bufio.NewReader(f), restore, nil
}

func noTerminal(what string) *stead.Error {
	return stead.Errorf(stead.Invalid, "there is no terminal to ask for the %s at", what).WithHint("give it on standard input, with --stdin")
}

func (e *env) promptLine(in *bufio.Reader, what string) (string, error) {
	fmt.Fprintf(e.err, "%s: ", what)
	line, err := in.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// confirm asks before something is changed; anything but y and yes is no.
func (e *env) confirm(question string) (bool, error) {
	fmt.Fprintf(e.err, "%s [y/N] ", question)
	line, err := bufio.NewReader(e.in).ReadString('\n')
	if err != nil && err != io.EOF {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}
