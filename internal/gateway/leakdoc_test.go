package gateway_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// document is docs/security/attacks-gateway.md, made of the tables that the tests run.
const document = "../../docs/security/attacks-gateway.md"

const documentHead = `# Attacks on the gateway

This file is made of the tables that the tests of internal/gateway run; ` + "`go test ./internal/gateway -run TestLeakAttempts -args -update`" + ` writes it anew.
Every outcome below was observed over the wire, and a test fails when it differs.

## What is attacked, and what counts as a leak

The asker is ana, or a service account in ana's stead. ` + "`public.customers`" + ` has a row rule (of 4,000 rows ana sees the 1,000 of region EU), a hashed
column (email), a nulled one (phone) and one of which the last four characters are kept (card). ` + "`public.orders`" + ` is open. ` + "`public.secrets`" + ` is not to be
known. Each hidden row holds in every column a value that makes some function or cast fail, and a canary in every text.

A statement is sent by the simple protocol as ana, by the extended protocol in ana's stead, with binary results, through a
cursor, through COPY, and with a comment that names catalogue tables. For each way two things must hold:

1. no byte that the server sends holds a canary, a part of the rewritten statement, a rule or a key;
2. the answer (rows, names and types of columns, tags, errors with code, text and hint) is the one of a second server whose tables
   hold nothing but the rows and masked values that ana may see, made by hand, and on which ` + "`secrets`" + ` does not exist.

` + "An outcome is an SQLSTATE, or `rows`: governed rows came. `a/b` is the simple and the extended protocol where they differ (the extended\none takes no several statements). `~` marks rows that are a matter of chance; only their shape is compared." + `

Afterwards neither the server's log nor the audit folder may hold a hidden value or the key of a hash mask.

## What is not covered, and accepted

- How long an answer takes is not measured: a rule that reads more makes a statement slower, and files are read whole or pruned by what they hold.
- A CSV or JSON file with a value that does not fit its column's declared type fails every statement that reads the column,
  whichever row holds it. That tells that the file is broken, and nothing that depends on the asker's statement. Parquet and database files have types of their own.
- Whoever is signed in can find out whether a connection of a given name exists, by connecting to it.
- The errors of a statement are one text for each SQLSTATE; whether it fails is visible, and is the same as over the visible rows alone.
`

// checkDocument holds the document against the tables, or writes it.
func checkDocument(t *testing.T, files []string, all map[string][]*attempt) {
	t.Helper()
	var b strings.Builder
	b.WriteString(documentHead)
	for _, s := range sceneTables {
		fmt.Fprintf(&b, "\n## %s\n\n| attempt | expected and observed |\n|---|---|\n", s.title)
		for _, k := range s.scenes {
			fmt.Fprintf(&b, "| %s | %s |\n", cell(k.name), cell(k.want))
		}
	}
	for _, f := range files {
		section := ""
		for _, a := range all[f] {
			if a.section != section {
				section = a.section
				fmt.Fprintf(&b, "\n## %s\n\n| statement | expected | observed |\n|---|---|---|\n", section)
			}
			want := a.want
			if *update {
				want = a.observed
			}
			if a.chance {
				want = "~ " + want
			}
			sql := "`" + cell(a.sql) + "`"
			if a.args != nil {
				sql += " with `" + cell(strings.Join(a.args, ", ")) + "`"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", sql, want, a.observed)
		}
	}
	if *update {
		must(t, os.WriteFile(document, []byte(b.String()), 0o644))
		return
	}
	got, err := os.ReadFile(document)
	must(t, err)
	if string(got) != b.String() {
		t.Error(document + " is not what the tables say; run this test with -args -update")
	}
}

func cell(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "|", "\\|"), "\n", " ") }
