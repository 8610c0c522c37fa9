package gateway_test

import (
	"strings"
	"testing"

	"stead"
	"stead/internal/audit"
	"stead/internal/govern"
)

// TestLeakByNameOfAFile asks for files by their paths, hidden behind WITH queries whose names are the same path to whoever folds
// the case of more letters than DuckDB does: "İ" and the Kelvin sign have "i" and "k" as their lower case.
func TestLeakByNameOfAFile(t *testing.T) {
	governed, _ := leakHouses(t, "parquet", houseOptions{})
	for _, sql := range []string{
		`with "{}/publİc/customers.parquet" as (select 1 as x) select * from "{}/public/customers.parquet" limit 1`,
		`with "{}/publİc/secrets.parquet" as (select 1 as x) select * from "{}/public/secrets.parquet" limit 1`,
		`with "{}/publİc/*.parquet" as (select 1 as x) select * from "{}/public/*.parquet" limit 1`,
		`with "{}/public/secrets.parquet" as (select * from "{}/public/secrets.parquet") select * from "{}/public/secrets.parquet"`,
		`with recursive "{}/public/secrets.parquet" as (select v from "{}/public/secrets.parquet" union all select v from "{}/public/secrets.parquet") select * from "{}/public/secrets.parquet"`,
		`select * from "{}/public/secrets.parquet" where exists (with "{}/public/secrets.parquet" as (select 1) select 1)`,
		`with "duckdb_vİews" as (select 1 as x) select sql from duckdb_views`,
		`with recursive a as (select * from generate_series(1, (select 2))), duckdb_views as (select sql as x from duckdb_views union all select x from duckdb_views where false) select * from duckdb_views /* pg_ */`,
		`with recursive sqlite_master as (select sql from sqlite_master union all select sql from sqlite_master) select * from sqlite_master, pg_class`,
	} {
		sql = strings.ReplaceAll(sql, "{}", governed.data)
		for _, options := range []string{"", "-c search_path=public"} {
			if got := governed.as(t, "ana", options).query(sql).state(); got != "42P01" && got != "0A000" {
				t.Errorf("%s: %s", sql, got)
			}
		}
	}
}

// TestRecordsNameThePolicyOfNow: a plan that is kept was made under decisions that showed the same, maybe for other reasons. The record
// must hold those of the statement.
func TestRecordsNameThePolicyOfNow(t *testing.T) {
	h, _ := leakHouses(t, "parquet", houseOptions{})
	w := h.as(t, "ana", "")
	before := w.query(countSQL).text()
	h.change(govern.DeletePolicy{Key: "rows"})
	h.policies(strings.Replace(leakPolicies[1], `"policyKey":"rows","name":"Rows"`, `"policyKey":"later","name":"Later"`, 1))
	if after := w.query(countSQL).text(); after != before {
		t.Fatalf("%s rows, then %s", before, after)
	}
	p, err := h.audit.Search(t.Context(), audit.Filter{Kinds: []stead.RecordKind{stead.QueryIntent}}, 1, "")
	must(t, err)
	for _, ref := range p.Entries[0].Record.Targets[0].Policies {
		if ref.Key == "rows" {
			t.Errorf("the record names a policy that is gone: %+v", p.Entries[0].Record.Targets[0].Policies)
		}
	}
	for _, why := range p.Entries[0].Record.Targets[0].Reasons {
		if why.Policy == "rows" {
			t.Errorf("the record names a policy that is gone: %+v", why)
		}
	}
}
