package rewrite_test

import (
	"context"
	"fmt"
	"testing"
)

func BenchmarkPlan(b *testing.B) {
	w := newWorld(b)
	for name, sql := range map[string]string{"constant": "select 1", "point": "select name, email from customers where id = 5",
		"join": "select c.region, count(*), sum(o.amount) from customers c join orders o on o.customer = c.id where c.day >= '2020-01-01' group by 1 order by 2 desc"} {
		b.Run(name+"/cold", func(b *testing.B) {
			for i := range b.N {
				if _, err := w.rewriter.Plan(context.Background(), fmt.Sprint(sql, " --", i), nil, w.resolve); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/cached", func(b *testing.B) {
			for range b.N {
				if _, err := w.rewriter.Plan(context.Background(), sql, nil, w.resolve); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
