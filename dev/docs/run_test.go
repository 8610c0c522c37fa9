// Package docs holds the documentation against the program: links, names, tables, and every
// block that is marked to run.
package docs

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stead/internal/pgserver"
)

// sample is the small world in which texts run: the tables that examples/demo/bundle.yaml governs.
var sample = map[string]string{
	"hr_data.csv": `id,first_name,last_name,email,ssn,race,dept,salary
1,Ann,Abel,ann.abel@corp.example,100-20-3001,A,Sales,51200
2,Ben,Bach,ben.bach@corp.example,100-20-3002,B,Finance,64900
3,Cid,Cole,cid.cole@corp.example,100-20-3003,A,Sales,72100
4,Dee,Dorn,dee.dorn@corp.example,100-20-3004,C,Engineering,83400
5,Eva,Elk,eva.elk@corp.example,100-20-3005,B,Support,40800
`,
	"departments.csv": "dept,site\nSales,Lisbon\nFinance,Oslo\nEngineering,Lisbon\nSupport,Oslo\nPeople,Lisbon\n",
	"reviews.json": `{"employee_id": 1, "scores": {"quality": 4, "speed": 3}}
{"employee_id": 2, "scores": {"quality": 5, "speed": 2}}
`,
	"payroll.csv": "employee_id,account\n1,PT50-1\n2,NO93-2\n",
}

// world is a running server that the texts' commands talk to.
type world struct {
	dir     string // where the commands run
	environ []string
}

func startWorld(t *testing.T) *world {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin", "stead")
	must(t, os.MkdirAll(filepath.Dir(bin), 0o755))
	must(t, os.Symlink(self, bin))
	work := filepath.Join(dir, "work")
	must(t, os.MkdirAll(filepath.Join(work, "data", "demo"), 0o755))
	for name, text := range sample {
		must(t, os.WriteFile(filepath.Join(work, "data", "demo", name), []byte(text), 0o644))
	}
	at := serve(t, bin, work)
	environ := append(os.Environ(), "PATH="+filepath.Dir(bin)+":"+os.Getenv("PATH"), "STEAD_URL="+at.HTTP, "STEAD_KEY="+at.FirstKey,
		"STEAD_GATEWAY="+at.Gateway, "STEAD_DEMO_DATA="+filepath.Join(work, "data"))
	w := &world{work, environ}
	bundle, err := filepath.Abs(filepath.Join(root, "examples/demo/bundle.yaml"))
	must(t, err)
	if out, err := w.run("stead apply -f '" + bundle + "'"); err != nil {
		t.Fatalf("the sample bundle: %v\n%s", err, out)
	}
	return w
}

type addresses struct{ HTTP, Gateway, FirstKey string }

// serve starts a server that ends with the test.
func serve(t *testing.T, bin, work string) addresses {
	t.Helper()
	cmd := exec.Command(bin, "serve", "--data", filepath.Join(work, "stead-data"), "--http-listen", "127.0.0.1:0",
		"--gateway-listen", "127.0.0.1:0", "-o", "json")
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		must(t, cmd.Process.Signal(syscall.SIGTERM))
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v\n%s", err, log.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server did not start: %v\n%s", err, log.String())
	}
	var at addresses
	must(t, json.Unmarshal([]byte(line), &at))
	return at
}

// warehouse adds a PostgreSQL server, as its own programs find it, with a table that hr_owner owns.
func (w *world) warehouse(t *testing.T) {
	t.Helper()
	pg, err := pgserver.Start(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, pg.Close()) })
	w.environ = append(w.environ, "PGHOST=127.0.0.1", fmt.Sprint("PGPORT=", pg.Port), "PGDATABASE=hr")
	if out, err := w.run(`psql -X -q -v ON_ERROR_STOP=1 -U postgres -d postgres -c 'CREATE DATABASE hr'
psql -X -q -v ON_ERROR_STOP=1 -U postgres <<'SQL'
CREATE ROLE hr_owner; CREATE ROLE ana LOGIN; CREATE SCHEMA hr AUTHORIZATION hr_owner; GRANT USAGE ON SCHEMA hr TO PUBLIC;
SET ROLE hr_owner; CREATE TABLE hr.emp (id int PRIMARY KEY, dept text, ssn text); GRANT SELECT ON hr.emp TO ana;
INSERT INTO hr.emp VALUES (1, 'Sales', '100-20-3001'), (2, 'Finance', '100-20-3002'); RESET ROLE;
CREATE ROLE stead LOGIN CREATEROLE; GRANT CREATE ON DATABASE hr TO stead; GRANT hr_owner TO stead;
SQL`); err != nil {
		t.Fatalf("the PostgreSQL server: %v\n%s", err, out)
	}
}

// run runs a script where every failing command ends it.
func (w *world) run(script string) (string, error) {
	cmd := exec.Command("bash", "-eu", "-o", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = w.dir, w.environ
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Each text has a world of its own, in which its marked blocks run one after the other. An "output" block says
// what lines the block before it must have printed.
func TestWhatIsShownRuns(t *testing.T) {
	for _, p := range pages(t) {
		if !strings.Contains(p.text, "<!-- run") {
			continue
		}
		t.Run(p.path, func(t *testing.T) {
			w := startWorld(t)
			if strings.Contains(p.text, "$PGPORT") {
				w.warehouse(t)
			}
			printed := ""
			for _, b := range p.blocks {
				at := fmt.Sprintf("%s:%d", p.path, b.line)
				switch b.mark {
				case "run", "run fails":
					out, err := w.run(b.text)
					if (err != nil) != (b.mark == "run fails") {
						t.Fatalf("%s: %v\n%s\nprinted\n%s", at, err, b.text, out)
					}
					printed = out
				case "output":
					for line := range strings.Lines(b.text) {
						if line = strings.TrimSpace(line); line != "..." && !hasLine(printed, line) {
							t.Errorf("%s: the line %q is not in what was printed:\n%s", at, line, printed)
						}
					}
				}
			}
		})
	}
}

// hasLine compares words, so that columns may be spaced as the text has room.
func hasLine(text, line string) bool {
	for l := range strings.Lines(text) {
		if strings.Join(strings.Fields(l), " ") == strings.Join(strings.Fields(line), " ") {
			return true
		}
	}
	return false
}
