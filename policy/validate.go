package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"stead"
)

// Validate reports everything that is wrong with a document by itself, with paths. What depends on a
// data source (columns, types, predicates over them) is reported by Bind. A policy that
// fails here is never enforced as far as it goes: Compile makes it refuse.
func Validate(p *Policy) []*stead.Error {
	var out Problems
	out = append(out, checkKey(p)...)
	switch p.Type {
	case SubscriptionType:
		out = append(out, p.checkSubscription()...)
	case DataType:
		out = append(out, p.checkData()...)
	default:
		out = append(out, problem("type", "must be %q or %q", SubscriptionType, DataType))
	}
	switch p.CircumstanceOperator {
	case "", AnyOf, AllOf:
	default:
		out = append(out, problem("circumstanceOperator", "must be %q or %q", AnyOf, AllOf))
	}
	if len(p.Circumstances) == 0 && !p.Template {
		out = append(out, problem("circumstances", "is missing: a policy without circumstances applies nowhere").
			WithHint("name tags, columns or data sources; for every data source write [{type: all}]"))
	}
	for i := range p.Circumstances {
		out = append(out, p.Circumstances[i].check(fmt.Sprintf("circumstances[%d]", i))...)
	}
	return append(out, p.OwnerRestrictions.check()...)
}

func checkKey(p *Policy) Problems {
	var out Problems
	if p.Key == "" || strings.TrimSpace(p.Key) != p.Key || strings.ContainsAny(p.Key, "\x00\x1f\n\r\t") {
		out = append(out, problem("policyKey", "must be a text without control characters or spaces around it"))
	}
	if strings.TrimSpace(p.Name) == "" {
		out = append(out, problem("name", "is missing"))
	}
	return out
}

func (o *OwnerRestrictions) check() Problems {
	if o == nil {
		return nil
	}
	var out Problems
	if len(o.Users)+len(o.Groups) == 0 {
		out = append(out, problem("ownerRestrictions", "names nobody, so the policy applies nowhere").
			WithHint("name users or groups, or leave the member out"))
	}
	for i, u := range o.Users {
		out = append(out, notEmpty(u.Username, fmt.Sprintf("ownerRestrictions.users[%d].username", i))...)
	}
	for i, g := range o.Groups {
		out = append(out, notEmpty(g, fmt.Sprintf("ownerRestrictions.groups[%d]", i))...)
	}
	return out
}

// member is one member of a document that may be set, for saying which belong to a kind.
type member struct {
	name string
	set  bool
}

// only reports the members that are set although the kind does not take them, and those it needs that are not.
func only(path, kind string, members []member, needs, takes []string) Problems {
	var out Problems
	for _, m := range members {
		switch {
		case m.set && !slices.Contains(takes, m.name) && !slices.Contains(needs, m.name):
			out = append(out, problem(join(path, m.name), "does not belong to %q", kind))
		case !m.set && slices.Contains(needs, m.name):
			out = append(out, problem(join(path, m.name), "is missing: %q needs it", kind))
		}
	}
	return out
}

func checkRegex(path, pattern string, fold bool) Problems {
	if _, err := compileRegex(pattern, fold); err != nil {
		return Problems{problem(path, "is not a regular expression: %s", err)}
	}
	return nil
}

// compileRegex compiles a pattern over column names; these run here and never on an engine.
func compileRegex(pattern string, fold bool) (*regexp.Regexp, error) {
	if fold {
		pattern = "(?i)" + pattern
	}
	return regexp.Compile(pattern)
}
