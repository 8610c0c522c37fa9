package cli

import (
	"strings"

	"stead"
	"stead/internal/session"
)

// groupName reads "name" or "iam:name"; unlike user names, names of groups keep their case.
func groupName(text string) (iam, name string, err error) {
	iam, name = stead.DefaultIAM, text
	if before, after, found := strings.Cut(text, ":"); found {
		iam, name = before, after
	}
	return iam, name, session.CheckIAM(iam)
}

// object reads "connection:schema.table".
func object(text string) (stead.Object, error) {
	connection, path, found := strings.Cut(text, ":")
	if !found || connection == "" || path == "" {
		return stead.Object{}, stead.Errorf(stead.Invalid, "%q does not name a data source", text).
			WithHint("write it as connection:schema.table, for example lake:demo.hr_data")
	}
	return stead.Object{Connection: connection, Kind: stead.TableObject, Path: strings.Split(path, ".")}, nil
}

// userPrincipal and groupPrincipal read names into principals.
func userPrincipal(text string) (stead.Principal, error) {
	iam, name, err := session.ParseName(text)
	return stead.Principal{Kind: stead.UserPrincipal, IAM: iam, Name: name}, err
}

func groupPrincipal(text string) (stead.Principal, error) {
	iam, name, err := groupName(text)
	return stead.Principal{Kind: stead.GroupPrincipal, IAM: iam, Name: name}, err
}

// principals reads users, then groups.
func principals(users, groups []string) ([]stead.Principal, error) {
	var out []stead.Principal
	for _, u := range users {
		p, err := userPrincipal(u)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	for _, g := range groups {
		p, err := groupPrincipal(g)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// spellPrincipal writes a principal as it is read, groups marked.
func spellPrincipal(p stead.Principal) string {
	name := session.FormatName(p.IAM, p.Name)
	if p.Kind == stead.GroupPrincipal {
		return "group " + name
	}
	return name
}

func spellAll(list []stead.Principal) string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = spellPrincipal(p)
	}
	return strings.Join(out, ", ")
}

func joined[S ~string](list []S) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return strings.Join(out, ", ")
}

// attributes reads "key=value" pairs; a key may be given several times.
func attributes(pairs []string) (stead.Attributes, error) {
	out := stead.Attributes{}
	for _, p := range pairs {
		key, value, found := strings.Cut(p, "=")
		if !found || key == "" {
			return nil, stead.Errorf(stead.Invalid, "%q is not an attribute", p).WithHint("write key=value, for example department=Sales")
		}
		if !out.Has(key, value) {
			out[key] = append(out[key], value)
		}
	}
	return out, nil
}
