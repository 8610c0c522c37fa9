package cli

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"

	"stead"
	"stead/internal/govern"
)

// findPassword looks for the password of a target where the caller said, else where PostgreSQL's own programs look; "" when
// there is none, since a server may want none.
func (n *connecting) findPassword(e *env, t govern.Target) (string, error) {
	if n.stdin {
		return given(e.readSecret("password", true))
	}
	if n.ask {
		return given(e.askSecret("password of " + t.User))
	}
	if p, ok := e.getenv("PGPASSWORD"); ok && p != "" {
		return p, nil
	}
	file, named := e.getenv("PGPASSFILE")
	if !named || file == "" {
		home, ok := e.getenv("HOME")
		if !ok || home == "" {
			return "", nil
		}
		file, named = filepath.Join(home, ".pgpass"), false
	}
	f, err := os.Open(file)
	if err != nil {
		if named {
			return "", stead.Errorf(stead.NotFound, "the password file of PGPASSFILE cannot be read").WithHint("correct or unset it").WithCause(err)
		}
		return "", nil // it is optional
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", stead.Errorf(stead.Invalid, "the password file %s may be read by others", file).WithHint("chmod 600 it")
	}
	return passwordIn(f, t)
}

func given(password string, err error) (string, error) {
	if err == nil && password == "" {
		err = stead.Errorf(stead.Invalid, "the password is empty")
	}
	return password, err
}

// passwordIn finds a target's line in a password file: host:port:database:user:password, * for any, \ before : and \.
func passwordIn(r io.Reader, t govern.Target) (string, error) {
	host := t.Host
	if strings.HasPrefix(host, "/") {
		host = "localhost"
	}
	lines := bufio.NewScanner(io.LimitReader(r, 1<<20))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := fieldsOf(line)
		if len(f) != 5 {
			continue
		}
		matches := true
		for i, want := range []string{host, t.Port, t.Database, t.User} {
			matches = matches && (f[i] == "*" || f[i] == want)
		}
		if matches {
			return f[4], nil
		}
	}
	return "", lines.Err()
}

// fieldsOf splits a line of a password file; the last field takes the rest.
func fieldsOf(line string) []string {
	out := []string{""}
	for i := 0; i < len(line); i++ {
		last := len(out) - 1
		switch {
		case line[i] == '\\' && i+1 < len(line):
			i++
			out[last] += line[i : i+1]
		case line[i] == ':' && last < 4:
			out = append(out, "")
		default:
			out[last] += line[i : i+1]
		}
	}
	return out
}

// passwordSaid reports whether an address is refused for a password in it.
func passwordSaid(dsn string) bool {
	_, err := govern.PostgresAddress(dsn)
	return err != nil && strings.Contains(stead.AsError(err).Message, "password")
}
