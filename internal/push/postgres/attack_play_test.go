package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// attempt is one attack, read from testdata/attacks: what is tried, what refuses it, and statements with their outcomes.
type attempt struct {
	number, what, section string
	by                    string // what refuses it
	accepted              string // why what shows is accepted
	control               string // how it is known that the attempt could succeed: "twin", "differs", "admin", "within"
	sees                  []string
	undo                  string
	// opens: somebody is shown what is hidden, and that is accepted.
	opens bool
	moves []move
	where string
}

// move is one statement of one session, or what the product does ("!").
type move struct {
	who, sql string
	want     string
	observed string
}

// readAttempts reads the tables. A move is "who: SQL => outcome"; lines that begin with two blanks continue the one before.
func readAttempts(t *testing.T) []*attempt {
	t.Helper()
	files, err := filepath.Glob("testdata/attacks/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no tables")
	}
	var out []*attempt
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		section := ""
		for n, line := range strings.Split(strings.ReplaceAll(string(text), "\n  ", " "), "\n") {
			at := fmt.Sprintf("%s, line %d or after", file, n+1)
			switch {
			case line == "":
			case strings.HasPrefix(line, "# "):
				section = line[2:]
			case strings.HasPrefix(line, "@ "):
				number, what, _ := strings.Cut(line[2:], " ")
				out = append(out, &attempt{number: number, what: what, section: section, where: at})
			case len(out) == 0:
				t.Fatalf("%s: outside of an attempt", at)
			default:
				if err := out[len(out)-1].read(line); err != nil {
					t.Fatalf("%s: %v", at, err)
				}
			}
		}
	}
	return out
}

var moveLine = regexp.MustCompile(`^([a-z0-9/!]+): (.*?)(?: => (.*))?$`)

func (a *attempt) read(line string) error {
	m := moveLine.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("%q is no move", line)
	}
	switch m[1] {
	case "by":
		a.by = m[2]
	case "accepted":
		a.accepted = m[2]
	case "control":
		a.control = m[2]
	case "sees":
		a.sees = strings.Split(m[2], ", ")
	case "opens":
		a.accepted, a.opens = m[2], true
	case "undo":
		a.undo += m[2] + "; "
	default:
		want := m[3]
		if !strings.Contains(line, " => ") {
			want = "ok"
		}
		a.moves = append(a.moves, move{who: m[1], sql: m[2], want: want})
	}
	return nil
}

// as are the people who attack.
func (a *attempt) as() []string {
	var out []string
	for _, m := range a.moves {
		who, _, _ := strings.Cut(m.who, "/")
		if who != "admin" && who != "!" && !slices.Contains(out, who) {
			out = append(out, who)
		}
	}
	return out
}

// leaks are the values that some attacker was shown though neither it nor whom it may ask in the stead of may be. What it
// wrote itself is none.
func (a *attempt) leaks(heard map[string]*bytes.Buffer) []string {
	var out []string
	for role, data := range heard {
		for _, value := range leaks(data.String(), append([]string{role}, a.sees...)) {
			typed := slices.ContainsFunc(a.moves, func(m move) bool { return strings.HasPrefix(m.who, role) && strings.Contains(m.sql, value) })
			if !typed {
				out = append(out, role+" "+value)
			}
		}
	}
	slices.Sort(out)
	return out
}

// silent reports whether nothing was refused: what was not shown must then be shown to be there.
func (a *attempt) silent() bool {
	return !slices.ContainsFunc(a.moves, func(m move) bool { return strings.HasPrefix(m.want, "!") })
}

// alters reports whether what is governed may stand otherwise afterwards.
func (a *attempt) alters() bool {
	return slices.ContainsFunc(a.moves, func(m move) bool {
		return m.who == "!" || strings.HasPrefix(m.who, "admin") || strings.HasPrefix(m.who, "etl") || strings.HasPrefix(m.who, "hrdev")
	})
}

// scene is an attempt being played: its sessions, and every byte that governed people were sent.
type scene struct {
	t        *testing.T
	arena    *arena
	sessions map[string]*session
	heard    map[string]*bytes.Buffer
	twin     bool
	kept     string
}

func (s *scene) hears(role string) *bytes.Buffer {
	if s.heard[role] == nil {
		s.heard[role] = &bytes.Buffer{}
	}
	return s.heard[role]
}

type session struct {
	*pgx.Conn
	notices int
}

func (s *scene) session(who string) *session {
	s.t.Helper()
	if c := s.sessions[who]; c != nil {
		return c
	}
	role, place, _ := strings.Cut(who, "/")
	if role == "admin" {
		role = "postgres"
	}
	server := s.arena.server
	if place == "standby" {
		server = s.arena.follow(s.t)
	}
	conf, err := pgx.ParseConfig(server.DSN(role, "postgres"))
	if err != nil {
		s.t.Fatal(err)
	}
	c := &session{}
	if s.twin {
		conf.RuntimeParams["search_path"] = "twin, public"
	}
	secret := role != "postgres" && role != "etl"
	conf.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		c.notices++
		if secret {
			fmt.Fprintf(s.hears(role), "%+v\n", *n)
		}
	}
	conf.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) {
		if secret {
			fmt.Fprintf(s.hears(role), "%+v\n", *n)
		}
	}
	if c.Conn, err = pgx.ConnectConfig(s.t.Context(), conf); err != nil {
		s.t.Fatal(err)
	}
	s.sessions[who] = c
	return c
}

func (s *scene) close() {
	for _, c := range s.sessions {
		_ = c.Close(context.Background())
	}
	s.sessions = map[string]*session{}
}

// say sends a statement and returns its outcome.
func (s *scene) say(who, sql string) string {
	s.t.Helper()
	c := s.session(who)
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	c.notices = 0
	role, _, _ := strings.Cut(who, "/")
	asks := strings.HasPrefix(sql, "SELECT current_setting('immuta.binding'")
	secret := role != "admin" && role != "etl" && !asks
	sql = strings.ReplaceAll(sql, "{kept}", s.kept)
	var outcome string
	if strings.Contains(sql, "TO STDOUT") {
		var data bytes.Buffer
		tag, err := c.PgConn().CopyTo(ctx, &data, sql)
		outcome = failure(err)
		if outcome == "" {
			outcome = fmt.Sprintf("%d rows", tag.RowsAffected())
		}
		s.note(secret, role, data.String(), err)
	} else {
		results, err := c.PgConn().Exec(ctx, sql).ReadAll()
		outcome = failure(err)
		if outcome == "" {
			outcome = shown(results)
		}
		if asks && len(results) > 0 && len(results[0].Rows) > 0 {
			s.kept = string(results[0].Rows[0][0])
		}
		s.note(secret, role, everything(results), err)
	}
	if c.notices > 0 && !strings.HasPrefix(sql, "DROP") {
		outcome += fmt.Sprintf(" +%d notices", c.notices)
	}
	return outcome
}

func (s *scene) note(secret bool, role, data string, err error) {
	if !secret {
		return
	}
	s.hears(role).WriteString(data)
	var e *pgconn.PgError
	if errors.As(err, &e) {
		fmt.Fprintf(s.hears(role), "%+v\n", *e)
	}
}

func failure(err error) string {
	var e *pgconn.PgError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return "!" + e.Code
	}
	return "broken off"
}

func everything(results []*pgconn.Result) string {
	var b strings.Builder
	for _, r := range results {
		for _, row := range r.Rows {
			for _, f := range row {
				b.Write(f)
				b.WriteByte('\n')
			}
		}
	}
	return b.String()
}

// shown is the last result: up to three rows as they are, masked values as "hash", otherwise how many; or the command's tag.
func shown(results []*pgconn.Result) string {
	if len(results) == 0 {
		return "ok"
	}
	last := results[len(results)-1]
	switch n := len(last.Rows); {
	case n == 0 && last.CommandTag.Select():
		return "no rows"
	case n == 0:
		return last.CommandTag.String()
	case n > 3:
		return fmt.Sprintf("%d rows", n)
	}
	var rows []string
	for _, row := range last.Rows {
		var fields []string
		for _, f := range row {
			text := "~"
			if f != nil {
				text = hashLike.ReplaceAllString(string(f), "hash")
			}
			if len(text) > 300 {
				text = "a long text"
			}
			fields = append(fields, text)
		}
		rows = append(rows, strings.Join(fields, "|"))
	}
	return strings.Join(rows, ";")
}

// matches reports whether an outcome is the one that was expected: "ok" is any success.
func matches(want, got string) bool {
	if want == "ok" {
		return !strings.HasPrefix(got, "!") && got != "broken off"
	}
	return want == got
}
