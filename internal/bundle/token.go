package bundle

import (
	"github.com/goccy/go-yaml/token"

	"stead"
)

// level is a collection that is open: of a block the column it stands in, and how many keys it had so far.
type level struct {
	column, keys int
	flow         bool
}

// checkTokens refuses what is not offered, and what is nested too deeply or holds too many keys, before anything recursive, or
// slower than its input is long, sees it.
func checkTokens(file string, tokens token.Tokens) error {
	if len(tokens) > maxNodes {
		return stead.Errorf(stead.Limit, "holds more than %d values", maxNodes).At(stead.Place{File: file}).WithHint("split it into several files")
	}
	var open []level
	for _, t := range tokens {
		at := place(file, position{t.Position.Line, t.Position.Column}, "")
		top := len(open) - 1
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.DirectiveType, token.MappingKeyType:
			return problem(at, "%s are not read", refused(t.Type)).WithHint("write the values out")
		case token.MappingStartType, token.SequenceStartType:
			open = append(open, level{flow: true})
		case token.MappingEndType, token.SequenceEndType:
			for top >= 0 && !open[top].flow {
				top--
			}
			open = open[:max(top, 0)]
		case token.DocumentHeaderType:
			open = open[:0]
		case token.MappingValueType, token.SequenceEntryType:
			column := t.Position.Column
			if t.Type == token.MappingValueType && t.Prev != nil {
				column = t.Prev.Position.Column
			}
			open = enter(open, column)
			if t.Type == token.MappingValueType {
				open[len(open)-1].keys++
			}
		}
		if len(open) > maxDepth {
			return stead.Errorf(stead.Limit, "is nested deeper than %d levels", maxDepth).At(at)
		}
		if len(open) > 0 && open[len(open)-1].keys > maxKeys {
			return stead.Errorf(stead.Limit, "a mapping holds more than %d keys", maxKeys).At(at)
		}
	}
	return nil
}

// enter makes the collection that an entry in the column belongs to the last that is open: a flow collection, else a block.
func enter(open []level, column int) []level {
	for len(open) > 0 && !open[len(open)-1].flow && open[len(open)-1].column > column {
		open = open[:len(open)-1]
	}
	if top := len(open) - 1; top < 0 || !open[top].flow && open[top].column < column {
		open = append(open, level{column: column})
	}
	return open
}

func refused(t token.Type) string {
	switch t {
	case token.AnchorType:
		return "anchors"
	case token.AliasType:
		return "aliases"
	case token.MergeKeyType:
		return "merge keys"
	case token.TagType:
		return "tags with !"
	case token.DirectiveType:
		return "directives with %"
	default:
		return "keys with ?"
	}
}
