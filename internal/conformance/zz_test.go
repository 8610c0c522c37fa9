package conformance

import (
	"context"
	"fmt"
	"testing"
	"time"

	"stead/internal/push"
)

func TestZZ(t *testing.T) {
	ctx := t.Context()
	cases, err := Load(corpus)
	if err != nil {
		t.Fatal(err)
	}
	p := &pushedPostgres{answers: map[*Case]answered{}, types: map[string]string{}}
	if err := p.start(ctx); err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for i := 0; i < 3; i++ {
		batch := cases[i*40 : i*40+40]
		p.schemas = nil
		p.revision++
		next, err := state(batch, p.revision)
		if err != nil {
			t.Fatal(err)
		}
		t0 := time.Now()
		for _, c := range batch {
			if err := p.prepare(ctx, c, next); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Println("prepare", time.Since(t0))
		t0 = time.Now()
		plan, err := p.platform.Plan(ctx, next, nil)
		fmt.Println("plan", time.Since(t0), err)
		t0 = time.Now()
		err = p.platform.Apply(context.Background(), plan, func(x push.Progress) { fmt.Println(x.Done, x.Total, x.Step.Kind, x.Step.Object, x.Took, x.Retry) })
		fmt.Println("apply", time.Since(t0), err)
	}
}
