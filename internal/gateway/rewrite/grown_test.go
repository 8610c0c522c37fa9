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
