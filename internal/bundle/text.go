package bundle

import (
	"encoding/json"
	"fmt"
	"strings"

	"stead/internal/govern"
)

// Text is the plan for people: + creates, ~ updates, - deletes. A line with ! says what widens access, one with ? what to look at.
// What stays the same is only counted.
func (p *Plan) Text() string {
	var b strings.Builder
	for _, c := range p.Edits {
		sign := map[govern.Op]string{govern.Create: "+", govern.Update: "~", govern.Delete: "-"}[c.Op]
		if sign == "" && len(c.Warnings) == 0 {
			continue
		}
		if sign == "" {
			sign = "="
		}
		fmt.Fprintf(&b, "%s %s %s\n", sign, c.Noun.Words(), clean(c.Key))
		for _, f := range c.Fields {
			fmt.Fprintf(&b, "    %s: %s -> %s\n", clean(f.Path), value(f.Before), value(f.After))
		}
		for _, w := range c.Widens {
			fmt.Fprintf(&b, "  ! %s\n", clean(w))
		}
		for _, w := range c.Warnings {
			fmt.Fprintf(&b, "  ? %s\n", clean(w))
		}
	}
	b.WriteString(p.summary())
	return b.String()
}

func (p *Plan) summary() string {
	created, updated, deleted, same := p.Counts()
	if created+updated+deleted == 0 {
		return fmt.Sprintf("bundle %s: no change, %d as described\n", clean(p.Bundle), same)
	}
	verbs := [3]string{"created", "updated", "deleted"}
	if p.DryRun {
		verbs = [3]string{"to create", "to update", "to delete"}
	}
	widening := 0
	for _, c := range p.Edits {
		if len(c.Widens) > 0 {
			widening++
		}
	}
	s := fmt.Sprintf("bundle %s: %d %s, %d %s, %d %s, %d as described", clean(p.Bundle), created, verbs[0], updated, verbs[1], deleted, verbs[2], same)
	if widening > 0 {
		s += fmt.Sprintf("; %d marked ! may widen access", widening)
	}
	return s + "\n"
}

func value(v json.RawMessage) string {
	if len(v) == 0 {
		return "nothing"
	}
	return shorten(clean(string(v)))
}

// clean keeps a text on its line: nothing in a document can write a line of the plan.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\uFFFD'
		}
		return r
	}, s)
}
