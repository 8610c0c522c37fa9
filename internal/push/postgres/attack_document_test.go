package postgres_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// document is made of the tables that the test plays.
const document = "../../../docs/security/attacks-postgres.md"

const documentHead = `# Attacks on governed PostgreSQL

This file is made of the tables in ` + "`internal/push/postgres/testdata/attacks`" + `, which hold every statement; ` + "`make attacks-postgres`" + ` writes it anew.
Every outcome was observed on a real server that stead itself brought under policies (state, plan, apply), and a test fails when one differs.

## What is attacked, and what counts as a leak

` + "`hr.emp`" + ` has 900 rows, 100 of each department; rows are of the asker's departments, ssn is hashed and salary NULL but for payroll, notes is not registered.
` + "`hr.bonus`" + ` is payroll's alone, ` + "`hr.part`" + ` is partitioned, ` + "`hr.par`" + ` has a child, ` + "`hr.memo`" + ` is written by wendy, ` + "`hr.mv`" + ` and ` + "`hr.reg`" + ` are a materialized view and a view of a table that is not registered, ` + "`hr.vemp`" + ` is a view of hr.emp.
Views, materialized views and functions that run as their owner were made, and granted, before. bob sees department 3 and is masked; alice
sees 1 and 2, dora 4, both in clear; mallory sees 5; carol has no subscription, root is an administrator of stead, stranger is nobody. svc, pinsvc (pinned) and solo
(never itself) ask in the stead of bob and dora; native is let in on the database. etl is exempt, hrdev owns tables and is not.

For each attempt three things must hold:

1. every statement has the outcome written below: an SQLSTATE after ` + "`!`" + `, the value, or how many rows; ` + "`+n notices`" + ` is how often a function that tells was called;
2. no byte that a governed session is sent, notices, notifications and errors included, is a value of a row or column that is hidden from who asks and from all whom it may
   stand in for: every value of the tables tells which row it is of, and every hash is compared with those worked out apart from the server;
3. where the outcome is silence, a control shows that it could be otherwise: *twin*, the same statements on tables that nobody governs show hidden values;
   *differs*, they have another outcome there; *within*, the attempt itself shows data where it may.

Attempts marked "open" show something hidden, which is accepted for the reason given; the test fails when they no longer do. Afterwards the server's whole log, with all
statements and plans in it, may hold no key.

Numbers 1 to 98 are those of a first prototype. PgBouncer itself, 200 parallel sessions and a standby are tested by TestPgBouncer, TestParallelSessions and TestImpersonationOnAStandby beside this table.

## What is not covered, and accepted

- How long a statement takes, and how many rows and blocks it reads, depends on hidden rows as well.
- Superusers, roles that bypass row security, members of pg_read_all_data and of immuta_owner are outside of all this; plans tell of those that are identities.
- Owners of tables can give their tables away; what they do is undone in the same command where there is the event trigger, else found and repaired by the next look.
- The catalogue tells names, types, bounds, sizes and texts of policies.
`

// checkDocument holds the document against the tables, or writes it.
func checkDocument(t *testing.T, attempts []*attempt) {
	t.Helper()
	var b strings.Builder
	b.WriteString(documentHead)
	section := ""
	for _, x := range attempts {
		if x.section != section {
			section = x.section
			fmt.Fprintf(&b, "\n## %s\n\n| # | attempt | as | expected and observed | what refuses it, or why it is accepted | control |\n|---|---|---|---|---|---|\n", section)
		}
		why := x.by
		switch {
		case x.opens:
			why = "open, accepted: " + x.accepted
		case x.accepted != "":
			why = "accepted: " + x.accepted
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", x.number, cell(x.what), strings.Join(x.as(), ", "), cell(x.summary()), cell(why), x.control)
	}
	if *update {
		if err := os.WriteFile(document, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Error(document + " is not what the tables say; run `make attacks-postgres`")
	}
}

// summary are the outcomes of the attackers' statements.
func (x *attempt) summary() string {
	var out []string
	for _, m := range x.moves {
		if m.who == "!" && m.sql != "repair" && m.want == "ok" {
			out = append(out, "("+m.sql+")")
		}
		if m.want == "ok" || strings.HasPrefix(m.who, "admin") {
			continue
		}
		text := m.observed
		if m.who == "!" {
			text = "found: " + text
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func cell(s string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s) }
