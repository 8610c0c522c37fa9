package town

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"stead/internal/pgserver"
)

// ResetQuery is what docs/impersonation.md says a pooler in session mode sends between two clients. DISCARD ALL cannot stand
// beside another statement.
const ResetQuery = "CALL immuta_procedures.impersonate_user(NULL); CLOSE ALL; RESET ALL; DEALLOCATE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD PLANS; DISCARD TEMP; DISCARD SEQUENCES"

// Bouncer starts a real PgBouncer before a server with one backend a login, and gives its address for a login.
func Bouncer(t testing.TB, server *pgserver.Server, mode, reset string) func(login string) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer"
	}
	dir, err := os.MkdirTemp("", "stead-bouncer-")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	config := fmt.Sprintf("[databases]\npostgres = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = trust\nauth_file = %s/users\npool_mode = %s\ndefault_pool_size = 1\nserver_reset_query = %s\nignore_startup_parameters = extra_float_digits\n",
		server.Port, port, dir, mode, reset)
	users := ""
	for _, login := range []string{"alice", "bob", "svc", "onlysvc", "pinsvc"} {
		users += `"` + login + `" ""` + "\n"
	}
	for name, text := range map[string]string{"ini": config, "users": users} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(program, filepath.Join(dir, "ini"))
	if os.Getuid() == 0 {
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Start(); err != nil {
		t.Fatal("PgBouncer is needed, run `make postgres`: ", err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait(); _ = os.RemoveAll(dir) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		s, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = s.Close()
			break
		}
		select {
		case <-ctx.Done():
			t.Fatal("PgBouncer does not listen")
		case <-time.After(10 * time.Millisecond):
		}
	}
	return func(login string) string {
		return fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=postgres sslmode=disable default_query_exec_mode=simple_protocol", port, login)
	}
}
