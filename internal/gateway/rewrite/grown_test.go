package rewrite_test

import (
	"fmt"
	"strings"
	"testing"

	"stead/internal/gateway/rewrite"
)

// What could grow until memory ends, on those hidden rows alone that are long enough, does not run beside the filter.
func TestWhatGrowsIsCopied(t *testing.T) {
	w := newWorld(t)
	doubled := "select name as a0 from customers"
	for i := range 9 {
		doubled = fmt.Sprintf("select a%d || a%d as a%d from (%s) q%d", i, i, i+1, doubled, i)
	}
	for sql, want := range map[string]rewrite.Tier{
		"select name || ' of ' || region from customers":                                                                         rewrite.Plain,
		"select count(*) from (" + doubled + ") z where length(a9) > 3":                                                          rewrite.Copied,
		"select count(*) from customers where length(replace(name, 'N', 'NNNNNNNNNN')) > 3":                                      rewrite.Copied,
		"select case when name = 'x' then '" + strings.Repeat("y", 2000) + "' end from customers":                                rewrite.Copied,
		"select length(concat(name, name, name, name, name, name, name, name, name, name, name, name, name)) > 1 from customers": rewrite.Copied,
	} {
		_, p, err := w.run(sql)
		if err != nil || p.Tier != want {
			t.Errorf("%.80s: %v, want %v, %v", sql, p.Tier, want, err)
		}
	}
}

// What may make texts longer without an end is refused in every tier: the engine could not stop it in time.
func TestGrowthHasALimit(t *testing.T) {
	w := newWorld(t)
	nested := "name"
	for range 9 {
		nested = "replace(" + nested + ", 'C', 'CCCCCCCCCC')"
	}
	for _, sql := range []string{
		"select length(" + nested + ") from customers",
		"select repeat(name, 100000) from customers",
		"select repeat(repeat(name, 1000), 1000) from customers",
		"select lpad(name, 1000000, 'x') from customers",
		"select regexp_replace(regexp_replace(name, '.', '" + strings.Repeat("y", 900) + "', 'g'), '.', '" + strings.Repeat("y", 900) + "', 'g') from customers",
	} {
		if _, _, err := w.run(sql); err == nil || !strings.Contains(err.Error(), "longer") {
			t.Errorf("%.80s: %v", sql, err)
		}
	}
	for _, sql := range []string{
		"select replace(replace(name, 'a', 'b'), '-', '') from customers",
		"select lpad(name, 40, ' '), rpad(name, 40, ' '), repeat('-', 80) from customers",
		"select regexp_replace(name, '[0-9]+', '#', 'g') from customers",
	} {
		if _, _, err := w.run(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
