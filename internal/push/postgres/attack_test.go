package postgres_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"stead"
	"stead/internal/decide"
	"stead/internal/push"
)

var (
	update = flag.Bool("update", false, "write docs/security/attacks-postgres.md")
	only   = flag.String("attempt", "", "play only the attempt of this number")
)

// TestAttackTable plays every attempt against what the product put on a real server. Three things must hold for each: every
// statement has the outcome that is written down; no byte that a governed person was sent, notices and errors included, is of a row or a value that
// is hidden from all who ask in it; and where the outcome is silence, the same attempt on the ungoverned twin shows what was looked for.
func TestAttackTable(t *testing.T) {
	a := newArena(t)
	attempts := readAttempts(t)
	numbers := map[string]bool{}
	for _, x := range attempts {
		if *only != "" && x.number != *only {
			continue
		}
		if numbers[x.number] {
			t.Errorf("%s: number %s is taken", x.where, x.number)
		}
		numbers[x.number] = true
		t.Run(x.number, func(t *testing.T) { a.attack(t, x) })
	}
	a.checkLog(t)
	if *only == "" && !t.Failed() {
		for n := 1; n <= 98; n++ {
			if !numbers[fmt.Sprint(n)] {
				t.Errorf("attempt %d is missing", n)
			}
		}
		checkDocument(t, attempts)
	}
}

func (a *arena) attack(t *testing.T, x *attempt) {
	if (x.by == "") == (x.accepted == "") {
		t.Errorf("%s: it says neither what refuses it nor why it is accepted, or both", x.where)
	}
	if x.silent() && x.control == "" && x.accepted == "" {
		t.Errorf("%s: the outcome is silence, and nothing shows that it could be otherwise", x.where)
	}
	found := x.leaks(a.play(t, x, nil))
	if len(found) > 0 && !x.opens {
		t.Errorf("%s: %s: %v are shown %d hidden values, among them %q", x.number, x.what, x.as(), len(found), found[:min(3, len(found))])
	}
	if len(found) == 0 && x.opens {
		t.Errorf("%s: %s: nothing hidden is shown any more: say what refuses it", x.number, x.what)
	}
	a.tidy(t, x)
	x.check(t, a)
}

// play plays the attempt once. A changed one is a control: its outcomes are returned to the caller by differs, not compared.
func (a *arena) play(t *testing.T, x *attempt, change func(move) move) map[string]*bytes.Buffer {
	s := &scene{t: t, arena: a, sessions: map[string]*session{}, heard: map[string]*bytes.Buffer{}, twin: change != nil && x.control != "admin"}
	defer s.close()
	for i := range x.moves {
		m := x.moves[i]
		if change != nil {
			m = change(m)
		}
		var got string
		switch m.who {
		case "!":
			got = a.product(t, m.sql)
		default:
			got = s.say(m.who, m.sql)
		}
		if change != nil {
			x.moves[i].observed += "\x00" + got
			continue
		}
		x.moves[i].observed = got
		if !matches(m.want, got) {
			t.Errorf("%s: %s\n  %s: %s\n  got  %s\n  want %s", x.number, x.what, m.who, m.sql, got, m.want)
		}
	}
	return s.heard
}

// tidy removes what the attempt made, and has the product repair what it broke.
func (a *arena) tidy(t *testing.T, x *attempt) {
	t.Helper()
	for undo := range strings.SplitSeq(x.undo, ";") {
		if _, err := a.admin.Exec(t.Context(), undo); err != nil {
			t.Errorf("%s: %s: %s: %v", x.number, x.what, undo, err)
		}
	}
	a.exec(t, `DROP SCHEMA play CASCADE; CREATE SCHEMA play; GRANT ALL ON SCHEMA play TO PUBLIC`)
	if !x.alters() {
		return
	}
	a.become(t, a.original.With(decide.Delta{Revision: max(a.world.Revision(), a.state.Revision) + 1}), true)
	drift, err := a.platform.Verify(t.Context(), a.state)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range unnoted(drift) {
		if d.Source == refused {
			continue
		}
		t.Errorf("%s: %s is left behind: %+v", x.number, x.what, d)
	}
}

// check plays the control.
func (x *attempt) check(t *testing.T, a *arena) {
	t.Helper()
	before := make([]string, len(x.moves))
	for i := range x.moves {
		before[i] = x.moves[i].observed
	}
	defer func() {
		for i := range x.moves {
			x.moves[i].observed = before[i]
		}
	}()
	twin := func(m move) move {
		m.sql = strings.NewReplacer("hr_gov.", "twin.", "hr.", "twin.", "'hr'", "'twin'", "'hr_gov'", "'twin'").Replace(m.sql)
		return m
	}
	switch x.control {
	case "":
		return
	case "within":
		if !slices.ContainsFunc(x.moves, func(m move) bool {
			return m.want != "ok" && m.want != "0" && m.want != "no rows" && !strings.HasPrefix(m.want, "!")
		}) {
			t.Errorf("%s: no statement of it shows data", x.where)
		}
		return
	case "twin":
		if heard := a.play(t, x, twin); len(x.leaks(heard)) == 0 {
			t.Errorf("%s: %s: the same on the twin shows nothing that is hidden, so the attempt proves nothing: %v", x.number, x.what, x.outcomes())
		}
	case "differs":
		a.play(t, x, twin)
		same := true
		for i := range x.moves {
			same = same && x.moves[i].observed == before[i]+"\x00"+before[i]
		}
		if same {
			t.Errorf("%s: %s: the same on the twin has the same outcome, so the attempt proves nothing: %v", x.number, x.what, x.outcomes())
		}
	case "admin":
		a.play(t, x, func(m move) move { m.who = "admin"; return m })
		for _, m := range x.moves {
			if _, got, _ := strings.Cut(m.observed, "\x00"); strings.HasPrefix(got, "!") {
				t.Errorf("%s: %s: an administrator's %s ended with %s", x.number, x.what, m.sql, got)
			}
		}
	default:
		t.Errorf("%s: the control %q is not known", x.where, x.control)
	}
	a.tidy(t, x)
}

func (x *attempt) outcomes() []string {
	var out []string
	for _, m := range x.moves {
		out = append(out, m.observed)
	}
	return out
}

// product is what stead does in the middle of an attempt.
func (a *arena) product(t *testing.T, what string) string {
	t.Helper()
	switch what {
	case "repair":
		a.become(t, a.world.With(decide.Delta{Revision: a.state.Revision + 1}), true)
		return "ok"
	case "verify":
		drift, err := a.platform.Verify(t.Context(), a.state)
		if err != nil {
			t.Fatal(err)
		}
		return told(unnoted(drift))
	}
	d := decide.Delta{Revision: max(a.world.Revision(), a.state.Revision) + 1}
	change, ok := changes[what]
	if !ok {
		t.Fatalf("%q is nothing that stead does", what)
	}
	change(a, &d)
	a.become(t, a.world.With(d), false)
	return "ok"
}

func told(drift []push.Drift) string {
	var out []string
	for _, d := range drift {
		if d.Source == refused {
			continue
		}
		text := string(d.Kind)
		if d.Open {
			text += " open"
		}
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func (a *arena) identity(id stead.IdentityID) *stead.Identity {
	i, _ := a.world.Identity(id)
	c := *i
	return &c
}

// changes are what administrators of stead do meanwhile.
var changes = map[string]func(*arena, *decide.Delta){
	"svc loses the permission": func(a *arena, d *decide.Delta) {
		i := a.identity(5)
		i.Permissions, i.Impersonates = nil, nil
		d.Identities = []*stead.Identity{i}
	},
	"svc may stand in for dora alone": func(a *arena, d *decide.Delta) {
		i := a.identity(5)
		i.Impersonates = &stead.Impersonates{Users: []stead.Principal{{Kind: stead.UserPrincipal, IAM: "bim", Name: "dora"}}}
		d.Identities = []*stead.Identity{i}
	},
	"svc is disabled": func(a *arena, d *decide.Delta) {
		i := a.identity(5)
		i.Disabled = true
		d.Identities = []*stead.Identity{i}
	},
	"bob is disabled": func(a *arena, d *decide.Delta) {
		i := a.identity(2)
		i.Disabled = true
		d.Identities = []*stead.Identity{i}
	},
	"bob is deleted": func(a *arena, d *decide.Delta) { d.DeletedIdentities = []stead.IdentityID{2} },
	"bob loses the attribute": func(a *arena, d *decide.Delta) {
		i := a.identity(2)
		i.Attributes = stead.Attributes{}
		d.Identities = []*stead.Identity{i}
	},
	"bob becomes an administrator": func(a *arena, d *decide.Delta) {
		i := a.identity(2)
		i.Permissions = []stead.Permission{stead.Governance}
		d.Identities = []*stead.Identity{i}
	},
	"bob leaves the staff": func(a *arena, d *decide.Delta) {
		d.Groups = []*stead.Group{{ID: 1, IAM: "bim", Name: "staff", Members: []stead.Principal{{Kind: stead.UserPrincipal, IAM: "bim", Name: "alice"}, {Kind: stead.UserPrincipal, IAM: "bim", Name: "dora"}}}}
	},
	"dora leaves payroll": func(a *arena, d *decide.Delta) {
		d.Groups = []*stead.Group{{ID: 2, IAM: "bim", Name: "payroll", Members: []stead.Principal{{Kind: stead.UserPrincipal, IAM: "bim", Name: "alice"}}}}
	},
	"the connection is switched off": func(a *arena, d *decide.Delta) {
		d.Connections = []*stead.Connection{{ID: 1, Key: "hr", Platform: stead.PostgreSQL, Address: "postgres://db/x", Settings: arenaSettings, Disabled: true}}
	},
	"the connection is switched on": func(a *arena, d *decide.Delta) {
		d.Connections = []*stead.Connection{{ID: 1, Key: "hr", Platform: stead.PostgreSQL, Address: "postgres://db/x", Settings: arenaSettings}}
	},
	"bob's login becomes robert": func(a *arena, d *decide.Delta) {
		i := a.identity(2)
		i.External = map[stead.Platform]string{stead.PostgreSQL: "robert"}
		d.Identities = []*stead.Identity{i}
	},
}

// checkLog looks for keys in everything that the server logged: every statement, plans of nested ones included, and every error.
func (a *arena) checkLog(t *testing.T) {
	t.Helper()
	log, err := os.ReadFile(a.server.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	text := string(log)
	if !strings.Contains(text, "immuta_system.hash_key") || !strings.Contains(text, "Query Text") {
		t.Error("plans of governed statements are not in the log: their absence of keys proves nothing")
	}
	secrets := []string{key("source/1"), key("source/3"), key("source/5")}
	var token string
	if err := a.admin.QueryRow(context.Background(), "SELECT key FROM immuta_system.hash_key WHERE id = 'token'").Scan(&token); err != nil {
		t.Fatal(err)
	}
	for _, s := range append(secrets, token) {
		if strings.Contains(text, s) {
			t.Error("a key is in the server's log")
		}
	}
}

// unnoted is drift but for what is only told: hr.emp has a column that is not registered all along.
func unnoted(drift []push.Drift) []push.Drift {
	return slices.DeleteFunc(drift, func(d push.Drift) bool { return d.Note })
}
