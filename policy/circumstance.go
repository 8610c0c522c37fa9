package policy

import (
	"regexp"
	"slices"

	"stead"
)

var circumstanceMembers = map[string][]string{
	"tags": {"tag"}, "columnTags": {"columnTag"}, "columnRegex": {"regex"}, "columnName": {"columnName"},
	"anyTag": nil, "noTags": nil, "all": nil, "dataSources": {"dataSources"},
}

func (c *Circumstance) check(path string) Problems {
	needs, known := circumstanceMembers[c.Type]
	switch {
	case c.Type == "domains" || c.Type == "server":
		return Problems{notOffered(join(path, "type"), "circumstances of type %q are not offered yet", c.Type).
			WithHint("use tags, columnTags, columnName, columnRegex, dataSources or all")}
	case !known:
		return Problems{problem(join(path, "type"), "circumstance type %q is not known", c.Type)}
	}
	var takes []string
	if c.Type == "columnRegex" {
		takes = []string{"caseInsensitive"}
	}
	members := []member{{"tag", c.Tag != ""}, {"columnTag", c.ColumnTag != ""}, {"regex", c.Regex != ""},
		{"caseInsensitive", c.CaseInsensitive}, {"columnName", c.ColumnName != ""}, {"dataSources", len(c.Sources) > 0},
		{"domains", len(c.Domains) > 0}}
	out := only(path, c.Type, members, needs, takes)
	if c.Type == "columnRegex" && c.Regex != "" {
		out = append(out, checkRegex(join(path, "regex"), c.Regex, c.CaseInsensitive)...)
	}
	return out
}

// circumstance is one made ready.
type circumstance struct {
	Circumstance
	regex *regexp.Regexp
}

func (c *circumstance) matches(s *stead.DataSource) bool {
	switch c.Type {
	case "all":
		return true
	case "tags":
		return tagged(s.Tags, c.Tag)
	case "columnTags":
		return anyColumn(s, func(x *stead.Column) bool { return tagged(x.Tags, c.ColumnTag) })
	case "columnName":
		return anyColumn(s, func(x *stead.Column) bool { return x.Name == c.ColumnName })
	case "columnRegex":
		return c.regex != nil && anyColumn(s, func(x *stead.Column) bool { return c.regex.MatchString(x.Name) })
	case "anyTag":
		return hasTags(s)
	case "noTags":
		return !hasTags(s)
	case "dataSources":
		return slices.Contains(c.Sources, s.Object().String())
	default:
		return false
	}
}

func hasTags(s *stead.DataSource) bool {
	return len(s.Tags) > 0 || anyColumn(s, func(x *stead.Column) bool { return len(x.Tags) > 0 })
}

func anyColumn(s *stead.DataSource, is func(*stead.Column) bool) bool {
	for i := range s.Columns {
		if is(&s.Columns[i]) {
			return true
		}
	}
	return false
}

func tagged(tags []stead.Tag, root stead.Tag) bool {
	for _, t := range tags {
		if t.Under(root) {
			return true
		}
	}
	return false
}

// owns reports whether one of the owners of the source is named. Only owners written on the source count,
// so that who joins a group does not change where a policy applies.
func (o *OwnerRestrictions) owns(s *stead.DataSource) bool {
	if o == nil {
		return true
	}
	for _, p := range s.Owners {
		switch p.Kind {
		case stead.UserPrincipal:
			if slices.ContainsFunc(o.Users, func(u IAMUser) bool {
				return u.Username == p.Name && defaultIAM(u.IAM) == defaultIAM(p.IAM)
			}) {
				return true
			}
		case stead.GroupPrincipal:
			if slices.Contains(o.Groups, stead.Group{IAM: p.IAM, Name: p.Name}.Fact()) {
				return true
			}
		}
	}
	return false
}

func defaultIAM(iam string) string {
	if iam == "" {
		return stead.DefaultIAM
	}
	return iam
}
