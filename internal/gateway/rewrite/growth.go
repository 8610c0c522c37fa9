package rewrite

import (
	"encoding/json"

	"stead"
)

// maxGrowth bounds how many times longer the functions of a statement together may make a text. The engine does not
// count the texts of one vector against its memory limit, so it cannot refuse them itself.
const maxGrowth = 10_000

// grow counts what a function may add to the length of its text, and refuses the one that is too much.
func (w *walk) grow(name string, args []any) error {
	factor := 1.0
	switch {
	case name == "repeat" && len(args) == 2:
		factor = literalNumber(args[1])
	case (name == "lpad" || name == "rpad") && len(args) == 3:
		factor = literalNumber(args[1]) / 10 // texts are seldom shorter
	case (name == "replace" || name == "regexp_replace") && len(args) >= 3:
		factor = replacement(args[2])
		if search, ok := constantText(args[1]); ok && name == "replace" && len(search) > 0 {
			factor /= float64(len(search))
		}
	}
	w.growth *= max(factor, 1)
	if w.growth <= maxGrowth {
		return nil
	}
	return stead.Errorf(stead.Limit, "the statement could make texts more than %d times longer", maxGrowth).
		WithHint("repeat or replace less, or in shorter pieces")
}

// literalNumber is a literal's value; what is no literal counts as the most.
func literalNumber(t any) float64 {
	v := object(object(t)["value"])
	n, ok := v["value"].(json.Number)
	if str(object(t), "class") != "CONSTANT" || !ok {
		return maxGrowth
	}
	f, err := n.Float64()
	if err != nil {
		return maxGrowth
	}
	return f
}

// replacement is how long a literal is; what is no literal counts as a long one.
func replacement(t any) float64 {
	if s, ok := constantText(t); ok {
		return float64(len(s))
	}
	return 100
}

func constantText(t any) (string, bool) {
	if str(object(t), "class") != "CONSTANT" {
		return "", false
	}
	s, ok := object(object(t)["value"])["value"].(string)
	return s, ok
}
