package policy

import (
	"fmt"

	"stead"
)

func (c *Config) checkMasking(path string) Problems {
	// The payload's rules carry an operator even where there is nothing to combine.
	out := c.only(path, Masking, []string{"fields"}, []string{"maskingConfig", "conditionalPredicate", "operator"})
	out = append(out, checkOperator(path, c.Operator)...)
	out = append(out, checkText(join(path, "conditionalPredicate"), c.ConditionalPredicate)...)
	for i := range c.Fields {
		out = append(out, c.Fields[i].check(fmt.Sprintf("%s.fields[%d]", path, i))...)
	}
	return append(out, c.MaskingConfig.check(join(path, "maskingConfig"))...)
}

func (f *FieldSelector) check(path string) Problems {
	var needs, takes []string
	switch f.Type {
	case "columnTags":
		needs = []string{"columnTag"}
	case "columnName":
		needs = []string{"columnName"}
	case "columnRegex":
		needs, takes = []string{"regex"}, []string{"caseInsensitive"}
	case "anyTag", "noTags":
	default:
		return Problems{problem(join(path, "type"), "field type %q is not known", f.Type).
			WithHint("use columnTags, columnName, columnRegex, anyTag or noTags")}
	}
	out := only(path, f.Type, []member{{"columnTag", f.ColumnTag != ""}, {"columnName", f.ColumnName != ""},
		{"regex", f.Regex != ""}, {"caseInsensitive", f.CaseInsensitive}}, needs, takes)
	if f.Type == "columnRegex" && f.Regex != "" {
		out = append(out, checkRegex(join(path, "regex"), f.Regex, f.CaseInsensitive)...)
	}
	return out
}

// The ranks of selectors, weakest first. A tag ranks by its depth on top of rankTag.
const (
	rankNone  = 0
	rankAny   = 1 // anyTag and noTags say nothing about the column
	rankRegex = 2
	rankTag   = 2
	rankName  = 1 << 20 // an exact name is as specific as one can be
)

// rank is how specifically the selector means the column, rankNone if it does not.
func (f *FieldSelector) rank(c *stead.Column) int {
	switch f.Type {
	case "columnTags":
		if tagged(c.Tags, f.ColumnTag) {
			return rankTag + f.ColumnTag.Depth()
		}
	case "columnName":
		if c.Name == f.ColumnName {
			return rankName
		}
	case "columnRegex":
		if re, err := compileRegex(f.Regex, f.CaseInsensitive); err == nil && re.MatchString(c.Name) {
			return rankRegex
		}
	case "anyTag":
		if len(c.Tags) > 0 {
			return rankAny
		}
	case "noTags":
		if len(c.Tags) == 0 {
			return rankAny
		}
	}
	return rankNone
}

// rankOf is the best rank of the selectors.
func rankOf(fields []FieldSelector, c *stead.Column) int {
	best := rankNone
	for i := range fields {
		best = max(best, fields[i].rank(c))
	}
	return best
}
