package postgres

import (
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
)

// resetQuery is what docs/impersonation.md says a pooler in session mode sends between two clients. DISCARD ALL cannot stand
// beside another statement.
const resetQuery = "CALL immuta_procedures.impersonate_user(NULL); CLOSE ALL; RESET ALL; DEALLOCATE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD PLANS; DISCARD TEMP; DISCARD SEQUENCES"

// bouncer starts a real PgBouncer with one backend a login, and gives its address for a login.
func (w *town) bouncer(mode, reset string) func(login string) string {
	w.t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer"
	}
	dir, err := os.MkdirTemp("", "stead-bouncer-")
	if err != nil {
		w.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	config := fmt.Sprintf("[databases]\npostgres = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = trust\nauth_file = %s/users\npool_mode = %s\ndefault_pool_size = 1\nserver_reset_query = %s\nignore_startup_parameters = extra_float_digits\n",
		w.server.Port, port, dir, mode, reset)
	users := ""
	for _, login := range []string{"alice", "bob", "svc", "onlysvc", "pinsvc"} {
		users += `"` + login + `" ""` + "\n"
	}
	for name, text := range map[string]string{"ini": config, "users": users} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	c := exec.Command(program, filepath.Join(dir, "ini"))
	if os.Getuid() == 0 {
		nobody, err := user.Lookup("nobody")
		if err != nil {
			w.t.Fatal(err)
		}
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		if err := os.Chmod(dir, 0o755); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := c.Start(); err != nil {
		w.t.Fatal("PgBouncer is needed, run `make postgres`: ", err)
	}
	w.t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait(); _ = os.RemoveAll(dir) })
	for ctx := within(w.t); ; {
		s, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = s.Close()
			break
		}
		select {
		case <-ctx.Done():
			w.t.Fatal("PgBouncer does not listen")
		case <-time.After(10 * time.Millisecond):
		}
	}
	return func(login string) string {
		return fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=postgres sslmode=disable default_query_exec_mode=simple_protocol", port, login)
	}
}

// Two clients of one login share one backend here.
func TestPgBouncer(t *testing.T) {
	w := newTown(t)
	admin := w.connect("postgres")
	t.Run("transaction mode, not listed: not safe, as documented", func(t *testing.T) {
		at := w.bouncer("transaction", "DISCARD ALL")
		a, b := dial(t, at("svc")), dial(t, at("svc"))
		w.playOn(t, a, admin, steps(then(call("bob"))))
		w.playOn(t, b, admin, steps(isAsking("bob"), then(call(""))))
	})
	t.Run("transaction mode, listed", func(t *testing.T) {
		w.exec(admin, "INSERT INTO immuta_system.pooler VALUES ('127.0.0.1')")
		defer w.exec(admin, "DELETE FROM immuta_system.pooler")
		at := w.bouncer("transaction", "DISCARD ALL")
		a, b := dial(t, at("svc")), dial(t, at("svc"))
		w.playOn(t, a, admin, steps(then(call("bob")), lostStep(), then("BEGIN"), then(call("bob")), sees(asBob), then("COMMIT")))
		w.playOn(t, b, admin, steps(lostStep(), isAsking("<null>"), then("BEGIN"), then(call("dora")), sees(asDora), then("COMMIT"), then("BEGIN"), then(call("")), isAsking("svc"), then("COMMIT")))
		w.playOn(t, a, admin, steps(lostStep(), then("BEGIN"), then(call("bob")), sees(asBob), then("ROLLBACK"), isAsking("<null>")))
	})
	for _, c := range []struct {
		name, reset string
		next        []step
	}{
		{"session mode, DISCARD ALL alone: the next one is refused", "DISCARD ALL", steps(lostStep(), isAsking("<null>"), then(call("")), sees(nothing), isAsking("svc"))},
		{"session mode, the documented reset", resetQuery, steps(sees(nothing), isAsking("svc"), then(call("dora")), sees(asDora))},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := w.bouncer("session", c.reset)
			a := dial(t, at("svc"))
			w.playOn(t, a, admin, steps(then(call("bob")), sees(asBob)))
			if err := a.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.playOn(t, dial(t, at("svc")), admin, c.next)
		})
	}
}
