package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	_ "github.com/duckdb/duckdb-go/v2" // writes the data; what is measured is the gateway's own engine

	"stead"
	"stead/policy/expr"
)

// The large table and the small one, of the same columns: one row in ten is of the region EU, id is ascending.
const (
	largeFile = "lines.parquet"
	smallFile = "small.parquet"
	smallRows = 10_000
	tableRows = `SELECT i AS id, (i * 7919 %% 100)::INTEGER AS tenant,
	CASE i %% 10 WHEN 0 THEN 'EU' WHEN 1 THEN 'UK' ELSE 'R' || (i %% 10) END AS region,
	((i * 104729 %% 1000003) / 100.0)::DECIMAL(12,2) AS amount,
	'user' || (i * 31 %% 500009) || '@example.com' AS email,
	printf('%%09d', i * 7907 %% 1000000000) AS ssn
	FROM range(%d) r(i)`
)

// folderOf holds the tables of a run.
func folderOf(o options) string { return filepath.Join(o.dir, fmt.Sprintf("rows-%d", o.rows)) }

// generate writes the tables once for each number of rows.
func generate(ctx context.Context, folder string, rows int64) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return errors.Join(generateFile(ctx, filepath.Join(folder, largeFile), rows), generateFile(ctx, filepath.Join(folder, smallFile), smallRows))
}

func generateFile(ctx context.Context, file string, rows int64) (err error) {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, fmt.Sprintf("COPY ("+tableRows+") TO '%s' (FORMAT parquet)", rows, file+".part")); err != nil {
		return err
	}
	return os.Rename(file+".part", file)
}

// The three ways the table is governed.
const (
	noPolicy = "no policy"
	rowRule  = "row rule"
	twoMasks = "row rule + 2 masks"
)

// governedAs are the tables over each file, by how they are governed.
var governedAs = []struct{ name, table string }{{noPolicy, "plain"}, {rowRule, "ruled"}, {twoMasks, "masked"}}

// sourceOf is a table of the schema "large" or "small".
func sourceOf(schema, table string) stead.DataSource {
	location := map[string]string{"large": largeFile, "small": smallFile}[schema]
	col := func(name string, t expr.Type, tags ...stead.Tag) stead.Column {
		return stead.Column{Name: name, Type: t, Nullable: true, Tags: tags}
	}
	return stead.DataSource{Connection: "lake", Path: []string{schema, table}, Name: table, Location: location, State: stead.Active,
		Tags: []stead.Tag{stead.Tag("Bench." + table)},
		Columns: []stead.Column{col("id", expr.IntType), col("tenant", expr.Type{Kind: expr.Int, Bits: 32}), col("region", expr.TextType),
			col("amount", expr.DecimalType(12, 2)), col("email", expr.TextType, "PII.Email"), col("ssn", expr.TextType, "PII.SSN")}}
}

// policyDocuments govern the tables.
func policyDocuments() []string {
	return []string{
		`{"policyKey":"open","name":"Open","type":"subscription","circumstances":[{"type":"all"}],"actions":{"type":"anyone","automaticSubscription":true}}`,
		`{"policyKey":"region","name":"Region","type":"data","circumstances":[{"type":"tags","tag":"Bench.ruled"},{"type":"tags","tag":"Bench.masked"}],
		  "actions":[{"rules":[{"type":"Row Restriction by Custom Where Clause","config":{"predicate":"@attributeValuesContains('region', 'region')"}}]}]}`,
		`{"policyKey":"ssn","name":"SSN","type":"data","circumstances":[{"type":"tags","tag":"Bench.masked"}],
		  "actions":[{"rules":[{"type":"Masking","config":{"fields":[{"type":"columnTags","columnTag":"PII.SSN"}],"maskingConfig":{"type":"Hash"}}}]}]}`,
		`{"policyKey":"email","name":"Email","type":"data","circumstances":[{"type":"tags","tag":"Bench.masked"}],
		  "actions":[{"rules":[{"type":"Masking","config":{"fields":[{"type":"columnTags","columnTag":"PII.Email"}],"maskingConfig":{"type":"Regex","regex":"^[^@]+","replacement":"*"}}}]}]}`,
	}
}

// byHand is the SELECT of the same meaning that a person would write over the table of no policy.
func byHand(governed string) (columns func(name string) string, where string) {
	same := func(name string) string { return name }
	switch governed {
	case noPolicy:
		return same, "TRUE"
	case rowRule:
		return same, "region = 'EU'"
	}
	return func(name string) string {
		switch name {
		case "ssn":
			return "sha256('" + handKey + "' || ssn)"
		case "email":
			return "regexp_replace(email, '^[^@]+', '*')"
		}
		return name
	}, "region = 'EU'"
}

// handKey is as long as a real key.
const handKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
