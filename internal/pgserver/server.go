// Package pgserver starts real PostgreSQL servers for tests, conformance and benchmarks: a fresh
// cluster in a folder of its own, on loopback, with durability off, gone when it is closed.
package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Superuser is the role that owns the cluster; it connects without a password over loopback, as every role does.
const Superuser = "postgres"

// Server is one running cluster.
type Server struct {
	Dir  string
	Port int

	bin  string
	cred *syscall.SysProcAttr
	conf []string
}

// Start makes a cluster and starts it. The settings are lines of postgresql.conf, for example
// "max_connections = 300". A machine without PostgreSQL is an error that says how to get one.
func Start(ctx context.Context, settings ...string) (_ *Server, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, conf: settings}
	if s.Dir, err = os.MkdirTemp("", "stead-pg-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(s.Dir))
		}
	}()
	if err := s.unprivileged(); err != nil {
		return nil, err
	}
	if err := s.run(ctx, "initdb", "-D", s.data(), "-U", Superuser, "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"); err != nil {
		return nil, err
	}
	return s, s.launch(ctx)
}

// binaries finds the folder of the newest server that is installed.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		if p, err := exec.LookPath("postgres"); err == nil {
			return filepath.Dir(p), nil
		}
		return "", errors.New("no PostgreSQL server is installed here: run `make postgres`")
	}
	slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(found[len(found)-1]), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// unprivileged makes the server run as somebody else where we are root, as which PostgreSQL refuses to run.
func (s *Server) unprivileged() error {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		s.cred = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		return os.Chown(s.Dir, uid, gid)
	}
	return errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

func (s *Server) run(ctx context.Context, program string, args ...string) error {
	c := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	c.SysProcAttr, c.Dir = s.cred, s.Dir
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+s.Dir)
	// The server that pg_ctl leaves behind keeps what it inherits open: only a file does not make us wait for it.
	out, err := os.CreateTemp("", "stead-pg-out-")
	if err != nil {
		return err
	}
	defer func() { _ = out.Close(); _ = os.Remove(out.Name()) }()
	c.Stdout, c.Stderr = out, out
	if err := c.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
		return fmt.Errorf("%s: %w: %s%s", program, err, bytes.TrimSpace(text), bytes.TrimSpace(log))
	}
	return nil
}

func (s *Server) launch(ctx context.Context) error {
	var err error
	for range 5 { // somebody may take the port between our look and the server's
		if s.Port, err = freePort(); err != nil {
			return err
		}
		lines := append([]string{"listen_addresses = '127.0.0.1'", "unix_socket_directories = ''", "port = " + strconv.Itoa(s.Port),
			"fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_connections = 120",
			"max_locks_per_transaction = 256", "lc_messages = 'C'", "timezone = 'UTC'", "log_timezone = 'UTC'"}, s.conf...)
		if err = os.WriteFile(filepath.Join(s.data(), "postgresql.auto.conf"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			return err
		}
		if err = s.start(ctx); err == nil {
			return nil
		}
	}
	return err
}

func (s *Server) start(ctx context.Context) error {
	return s.run(ctx, "pg_ctl", "-D", s.data(), "-l", filepath.Join(s.Dir, "log"), "-w", "-t", "60", "start")
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// DSN is the address of a database for a role.
func (s *Server) DSN(role, database string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=%s sslmode=disable", s.Port, quote(role), quote(database))
}

func quote(v string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'"
}

// LogFile is the server's log.
func (s *Server) LogFile() string { return filepath.Join(s.Dir, "log") }

// Stop ends the server at once, as a crash would; Restart brings it back on the same port.
func (s *Server) Stop(ctx context.Context) error {
	return s.run(ctx, "pg_ctl", "-D", s.data(), "-m", "immediate", "-w", "stop")
}

// Restart stops the server, if it runs, and starts it again on the same port.
func (s *Server) Restart(ctx context.Context) error {
	_ = s.Stop(ctx) // it may be stopped already
	return s.start(ctx)
}

// Standby starts a hot standby of the server, which streams from it.
func (s *Server) Standby(ctx context.Context) (_ *Server, err error) {
	b := &Server{bin: s.bin, conf: s.conf}
	if b.Dir, err = os.MkdirTemp("", "stead-pg-"); err != nil {
		return nil, err
	}
	if err := b.unprivileged(); err != nil {
		return nil, err
	}
	err = b.run(ctx, "pg_basebackup", "-D", b.data(), "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", Superuser, "-R", "-X", "stream", "-c", "fast")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.Dir))
	}
	conn := fmt.Sprintf("primary_conninfo = 'host=127.0.0.1 port=%d user=%s'", s.Port, Superuser)
	b.conf = append(slices.Clone(s.conf), conn)
	if err := b.launch(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.Dir))
	}
	return b, nil
}

// Close stops the server and removes everything.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_ = s.Stop(ctx) // it may be stopped already
	return os.RemoveAll(s.Dir)
}
