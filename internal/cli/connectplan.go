package cli

import (
	"fmt"
	"strings"

	"stead/client"
)

// mostSteps is how many steps of a kind are shown unless all are asked for.
const mostSteps = 20

// printPlan prints problems first, then the steps by kind: ! marks what somebody may see more after, - what is taken away.
func (e *env) printPlan(p *client.PlatformPlan, verbose bool) {
	fmt.Fprintf(e.out, "%s: %s, %s, revision %d to %d\n", printable(p.Connection), counted(len(p.Problems), "problem"), counted(len(p.Steps), "step"), p.From, p.To)
	e.printProblems(p.Problems)
	byKind := map[string][]client.PlanStep{}
	var kinds []string
	for _, s := range p.Steps {
		if byKind[s.Kind] == nil {
			kinds = append(kinds, s.Kind)
		}
		byKind[s.Kind] = append(byKind[s.Kind], s)
	}
	for _, kind := range kinds {
		steps := byKind[kind]
		fmt.Fprintf(e.out, "\n%s (%s)\n", kindWords(kind), counted(len(steps), "step"))
		for i, s := range steps {
			if i == mostSteps && !verbose {
				fmt.Fprintf(e.out, "    and %d more; -v shows all\n", len(steps)-i)
				break
			}
			e.printStep(&s, verbose)
		}
	}
	switch {
	case blocked(p):
		fmt.Fprintln(e.out, "nothing is done before what blocks everything is put right")
	case len(p.Steps) == 0:
		fmt.Fprintln(e.out, "there is nothing to do")
	}
}

func kindWords(kind string) string {
	switch kind {
	case "bootstrap":
		return "what stead needs there"
	case "rows":
		return "rows: who may see what; in effect at once, without locks on data"
	case "objects":
		return "objects: policies, views and grants of tables"
	case "roles":
		return "roles: memberships and settings of logins"
	case "keys":
		return "keys of hash masks"
	case "terminate":
		return "sessions that are ended"
	case "release":
		return "tables given back as they were found"
	}
	return printable(kind)
}

func (e *env) printStep(s *client.PlanStep, verbose bool) {
	mark := " "
	if s.Widens {
		mark = "!"
	}
	name := printable(s.Object)
	if s.Source != "" && s.Source != s.Object {
		name += " (" + printable(s.Source) + ")"
	}
	fmt.Fprintf(e.out, "  %s %s: %s\n", mark, name, printable(s.Why))
	for _, r := range s.Rows {
		fmt.Fprintf(e.out, "      %s: %d added, %d removed\n", printable(r.Table), r.Added, r.Removed)
		if verbose {
			for _, row := range r.Put {
				fmt.Fprintf(e.out, "      + %s\n", printable(strings.Join(row, " | ")))
			}
			for _, row := range r.Delete {
				fmt.Fprintf(e.out, "      - %s\n", printable(strings.Join(row, " | ")))
			}
		}
	}
	for _, sql := range s.SQL {
		switch text := strings.TrimSpace(sql); {
		case verbose:
			for line := range strings.SplitSeq(text, "\n") {
				fmt.Fprintf(e.out, "      %s\n", printable(line))
			}
		case s.Kind == "objects" && len(text) > 7 && strings.EqualFold(text[:7], "REVOKE "):
			fmt.Fprintf(e.out, "      - %s\n", printable(strings.Join(strings.Fields(text), " ")))
		}
	}
}

func (e *env) printProblems(list []client.PlanProblem) {
	if len(list) > 0 {
		fmt.Fprintln(e.out, "\nproblems")
	}
	for _, blocking := range []bool{true, false} {
		for _, p := range list {
			if p.Blocking != blocking {
				continue
			}
			word := "note"
			switch {
			case p.Blocking && p.Source == "":
				word = "blocks everything"
			case p.Blocking:
				word = "blocks " + p.Source
			}
			about := ""
			if p.Object != "" && (!p.Blocking || p.Object != p.Source) { // it is in the word already
				about = printable(p.Object) + ": "
			}
			fmt.Fprintf(e.out, "  %s: %s%s\n", printable(word), about, printable(p.Message))
			if p.Hint != "" {
				fmt.Fprintf(e.out, "      %s\n", printable(p.Hint))
			}
		}
	}
}
