package policy

import (
	"regexp"
	"strings"

	"stead"
)

// Compiled is a policy made ready to be bound: its circumstances and conditions on
// the subject are prepared once for all data sources.
type Compiled struct {
	*Policy
	// Broken says that the document does not pass Validate. Such a policy is bound to every data source
	// it could mean and refuses there: it must not vanish silently.
	Broken        Problems
	anywhere      bool // what is broken is where it applies, so it could mean any source
	circumstances []circumstance
}

// Compile prepares a policy. It never fails: see Broken.
func Compile(p *Policy) *Compiled {
	c := &Compiled{Policy: p, Broken: Validate(p)}
	for _, e := range c.Broken {
		c.anywhere = c.anywhere || strings.HasPrefix(e.Place.Path, "circumstance") || strings.HasPrefix(e.Place.Path, "ownerRestrictions")
	}
	for _, x := range p.Circumstances {
		var re *regexp.Regexp
		if x.Type == "columnRegex" {
			re, _ = compileRegex(x.Regex, x.CaseInsensitive) // nil is in Broken, and matches nothing
		}
		c.circumstances = append(c.circumstances, circumstance{x, re})
	}
	return c
}

// Ref names the policy as it is enforced.
func (c *Compiled) Ref() stead.PolicyRef {
	return stead.PolicyRef{Key: c.Key, ID: c.ID, At: c.At, Kind: string(c.Type)}
}

// Enforced reports whether the policy does anything at all: staged policies and templates do not.
func (c *Compiled) Enforced() bool { return !c.Staged && !c.Template }

// AppliesTo reports whether the policy's circumstances and owner restrictions choose the source.
func (c *Compiled) AppliesTo(s *stead.DataSource) bool {
	if !c.Enforced() {
		return false
	}
	if c.anywhere {
		return true
	}
	if !c.OwnerRestrictions.owns(s) || len(c.circumstances) == 0 {
		return false
	}
	all := c.CircumstanceOperator == AllOf
	for i := range c.circumstances {
		if c.circumstances[i].matches(s) != all {
			return !all
		}
	}
	return all
}

// Scopes names what a policy's circumstances look at, for an index over many policies: AppliesTo can only be true
// for a source that SourceScopes gives one of them. Nil means that any source may be meant.
func (c *Compiled) Scopes() []string {
	if c.anywhere {
		return nil
	}
	var out []string
	for _, x := range c.circumstances {
		switch x.Type {
		case "tags":
			out = append(out, "t"+string(x.Tag))
		case "columnTags":
			out = append(out, "c"+string(x.ColumnTag))
		case "columnName":
			out = append(out, "n"+x.ColumnName)
		case "dataSources":
			for _, s := range x.Sources {
				out = append(out, "d"+s)
			}
		default:
			return nil
		}
	}
	return out
}

// SourceScopes are the scopes that a data source lies in, each once.
func SourceScopes(s *stead.DataSource) []string {
	seen := map[string]bool{"d" + s.Object().String(): true}
	tags := func(prefix string, list []stead.Tag) {
		for _, t := range list {
			for i := range t {
				if t[i] == '.' {
					seen[prefix+string(t[:i])] = true
				}
			}
			seen[prefix+string(t)] = true
		}
	}
	tags("t", s.Tags)
	for i := range s.Columns {
		seen["n"+s.Columns[i].Name] = true
		tags("c", s.Columns[i].Tags)
	}
	out := make([]string, 0, len(seen))
	for k := range seen {
		out = append(out, k)
	}
	return out
}
