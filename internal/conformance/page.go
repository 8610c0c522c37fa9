package conformance

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"stead/internal/gateway/duck"
)

// profile is what the page says of an engine.
type profile struct {
	name, what string
	// refusal is how the engine says what a case calls denied.
	refusal string
}

// profiles are the engines, in the order in which they run.
func profiles() []profile {
	return []profile{
		{"interpreter", "The decision and the reference interpreter. A statement runs over plain tables of what each decision shows.",
			"the code of the refusal that the decision gives, exactly as the case has it"},
		{"gateway", "The gateway over DuckDB " + duck.Version() + ", asked with a PostgreSQL client; once over Parquet files and once over a database file, which must agree. Views: over the database file.",
			"the SQLSTATE, which must be that of the case's code: 42501 for denied, 42P01 for not_found, 28000 for unauthenticated"},
		{"postgres", "A real PostgreSQL 15 server, the major version that `make postgres` installs: `reconcile` makes the state of the case's world, the platform plans and applies it, and the case's user connects as the role they are there and writes names without a schema, which the search path finds.",
			"SQLSTATE 42501 or 42P01, or nothing comes out: natively a table that may not be read is empty. Silence counts only where the superuser, asking the same, gets rows; a write that may not be done changes no row"},
	}
}

// EngineNames lists the engines that can run here.
func EngineNames() []string {
	var out []string
	for _, p := range profiles() {
		out = append(out, p.name)
	}
	return out
}

// page is docs/conformance.md: which cases each engine is asked, and which not, with the reason. It is written by a run in which
// no case failed, and says nothing that another run would not say.
func page(cases []*Case) string {
	var b strings.Builder
	b.WriteString(pageHead)
	fmt.Fprintf(&b, "%d cases stand for the lines of [semantics.md](semantics.md).\n\n## Engines\n\n", len(cases))
	b.WriteString("| engine | what it is | what counts as denied |\n|---|---|---|\n")
	for _, p := range profiles() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.name, p.what, p.refusal)
	}
	b.WriteString(pagePostgres)
	areas(&b, cases)
	exceptions(&b, cases)
	return b.String()
}

func (c *Case) area() string {
	return strings.TrimSuffix(filepath.Base(c.Place.File), filepath.Ext(c.Place.File))
}

// areas is a table of the files of the corpus: how many of their cases each engine is asked.
func areas(b *strings.Builder, cases []*Case) {
	count := map[string]int{}
	var list []string
	for _, c := range cases {
		if a := c.area(); !slices.Contains(list, a) {
			list = append(list, a)
		}
		for _, e := range append(EngineNames(), "") {
			if e == "" || c.Exceptions[e] == "" {
				count[c.area()+"/"+e]++
				count["/"+e]++
			}
		}
	}
	b.WriteString("\n## Cases asked\n\n| area | cases | " + strings.Join(EngineNames(), " | ") + " |\n|---|---|" + strings.Repeat("---|", len(EngineNames())) + "\n")
	for _, a := range append(list, "") {
		title := a
		if a == "" {
			title = "**all**"
		}
		fmt.Fprintf(b, "| %s | %d |", title, count[a+"/"])
		for _, e := range EngineNames() {
			fmt.Fprintf(b, " %d |", count[a+"/"+e])
		}
		b.WriteString("\n")
	}
}

// exceptions lists the declared ones.
func exceptions(b *strings.Builder, cases []*Case) {
	b.WriteString("\n## Declared exceptions\n\nAt most one case in twenty for an engine.\n\n| engine | case | reason |\n|---|---|---|\n")
	for _, e := range EngineNames() {
		for _, c := range cases {
			if reason := c.Exceptions[e]; reason != "" {
				fmt.Fprintf(b, "| `%s` | %s: %s | %s |\n", e, c.area(), c.Name, reason)
			}
		}
	}
}

const pageHead = `# Conformance

<!-- Written by ` + "`stead conformance --doc docs/conformance.md`" + `, which is part of ` + "`make conformance`" + `. Do not edit. -->

Every engine runs the same cases: rows, values, NULLs, column types and refusals. A case gives documents, tables with their rows, who
asks and how, and what must come out. This page is written by a run in which every engine below passed every case that it is
asked.

    make conformance                                    # every engine
    make conformance ENGINES=interpreter,postgres       # some
    bin/stead conformance policy/testdata/corpus -v     # each case by name

`

const pagePostgres = `
On PostgreSQL some things of a case have a native form:

- *Impersonation* is ` + "`CALL immuta_procedures.impersonate_user(...)`" + `; ending it is the same with NULL.
- *A project* is the stored one: a session cannot choose. Where a case chooses a project for the session, and nobody is impersonated, it is
  stored instead, which means the same. While somebody is impersonated it may only be restated, which is nothing to do.
- *The gateway's settings* on impersonation are the platform's own: pinned logins are a setting of the connection, and whom the
  gateway's list lets impersonate is made a member of the impersonation role.
- *The time of asking* is the server's. Where a case fixes it, the server's clock is made to stand, by a superuser, in that test server.
- *Registered views* are read as their owner reads the tables below them. A view that reads a data source is refused unless the administrator
  lists it in the setting ` + "`keep_dependents`" + `; so that the rules of the tables do not follow people through the view, the
  tables are listed in ` + "`no_force`" + `. Without these settings less is shown, never more.
- *Tables* belong to a role that is no superuser. Cases that do not depend on it stand on the server together, forty at a time; those in
  which somebody is impersonated, time stands, or a setting counts stand there alone, one after the other.
`
