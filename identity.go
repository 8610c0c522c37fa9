package stead

import "sort"

// IdentityID is the stable id of an identity; 0 is nobody.
type IdentityID int64

// GroupID is the stable id of a group.
type GroupID int64

// DefaultIAM is the built-in identity manager.
const DefaultIAM = "bim"

// IdentityKind tells people and services from agents. The zero kind is invalid.
type IdentityKind string

// The kinds of identity.
const (
	User  IdentityKind = "user"
	Agent IdentityKind = "agent" // API keys only, no interactive sign-in
)

// Identity is a user (a person or a service) or an agent.
type Identity struct {
	ID   IdentityID   `json:"id"`
	Kind IdentityKind `json:"kind"`
	IAM  string       `json:"iam"`
	// Name is the user name in canonical form (NFC, case-folded), unique within the IAM.
	Name        string `json:"name"`
	DisplayName string `json:"displayName,omitempty"`
	Email       string `json:"email,omitempty"`
	Description string `json:"description,omitempty"`
	// Owner is who looks after an agent (and may make keys for it).
	Owner       *Principal   `json:"owner,omitempty"`
	Permissions []Permission `json:"permissions,omitempty"`
	// Impersonates narrows ImpersonateUser; nil with the permission means anyone
	// who may be impersonated at all.
	Impersonates *Impersonates `json:"impersonates,omitempty"`
	Attributes   Attributes    `json:"attributes,omitempty"`
	// External maps a platform to the identity's name there; absent falls back to
	// Name, NoExternal means that it does not exist there.
	External map[Platform]string `json:"external,omitempty"`
	// Project is the key of the project the identity acts in, "" for none.
	Project  string `json:"project,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
	// Bundle is the bundle that created it, for prune.
	Bundle string `json:"bundle,omitempty"`
}

// NoExternal is the external name of an identity that does not exist on a platform.
const NoExternal = "none"

// Impersonates narrows in whose stead an identity may ask. An empty list names
// nobody; a target must be in one of the two.
type Impersonates struct {
	Users  []Principal `json:"users,omitempty"`
	Groups []Principal `json:"groups,omitempty"`
}

// Attributes are keys with sets of values. Keys and values are compared byte for byte.
type Attributes map[string][]string

// Has reports whether the pair is held.
func (a Attributes) Has(key, value string) bool {
	for _, v := range a[key] {
		if v == value {
			return true
		}
	}
	return false
}

// Merge returns the union of both, values sorted and unique.
func (a Attributes) Merge(b Attributes) Attributes {
	out := make(Attributes, len(a)+len(b))
	for _, m := range []Attributes{a, b} {
		for k, vs := range m {
			out[k] = append(out[k], vs...)
		}
	}
	for k, vs := range out {
		sort.Strings(vs)
		out[k] = dedupe(vs)
	}
	return out
}

func dedupe(sorted []string) []string {
	out := sorted[:0]
	for i, v := range sorted {
		if i == 0 || v != sorted[i-1] {
			out = append(out, v)
		}
	}
	return out
}

// PrincipalKind says what a Principal names. The zero kind is invalid.
type PrincipalKind string

// The kinds of principal.
const (
	UserPrincipal  PrincipalKind = "user" // a user or an agent: names are unique over both within an IAM
	GroupPrincipal PrincipalKind = "group"
)

// Principal names an identity or a group in documents.
type Principal struct {
	Kind PrincipalKind `json:"type"`
	IAM  string        `json:"iam"`
	Name string        `json:"name"`
}

// Group is a set of identities and other groups; members hold its attributes.
type Group struct {
	ID          GroupID    `json:"id"`
	IAM         string     `json:"iam"`
	Name        string     `json:"name"`
	Email       string     `json:"email,omitempty"`
	Description string     `json:"description,omitempty"`
	Attributes  Attributes `json:"attributes,omitempty"`
	// Members are identities and groups of any IAM; a cycle is refused when it is written.
	Members []Principal `json:"members,omitempty"`
	// Bundle is the bundle that created it, for prune.
	Bundle string `json:"bundle,omitempty"`
}

// Fact is how conditions name the group: its name in the default IAM, "iam:name" elsewhere.
func (g Group) Fact() string {
	if g.IAM == DefaultIAM || g.IAM == "" {
		return g.Name
	}
	return g.IAM + ":" + g.Name
}

// System groups that everybody of the kind belongs to; their names cannot be taken.
const (
	AllIdentities = "All Identities"
	AllUsers      = "All Users"
	AllAgents     = "All Agents"
)

// Permission is a global right within stead (docs/roles). Permissions never let
// anybody see data that policies hide.
type Permission string

// The permissions.
const (
	ApplicationAdmin  Permission = "APPLICATION_ADMIN"  // settings, connections, system keys
	AuditPermission   Permission = "AUDIT"              // all audit records
	Governance        Permission = "GOVERNANCE"         // policies, tags, purposes, explanations about others
	UserAdmin         Permission = "USER_ADMIN"         // identities, groups, attributes, permissions, agents
	CreateDataSource  Permission = "CREATE_DATA_SOURCE" // register data and own it
	CreateProject     Permission = "CREATE_PROJECT"     // create and own projects
	ProjectManagement Permission = "PROJECT_MANAGEMENT" // purposes in projects, project data sources
	ImpersonateUser   Permission = "IMPERSONATE_USER"   // ask in another's stead
)

// Permissions lists every permission there is.
func Permissions() []Permission {
	return []Permission{ApplicationAdmin, AuditPermission, Governance, UserAdmin, CreateDataSource,
		CreateProject, ProjectManagement, ImpersonateUser}
}

// Holds reports whether the identity itself was given the permission.
func (i *Identity) Holds(p Permission) bool {
	if i == nil || i.Disabled {
		return false
	}
	for _, q := range i.Permissions {
		if q == p {
			return true
		}
	}
	return false
}

// Administers reports whether the identity is one of stead's own administrators,
// who are not impersonated unless a setting allows it.
func (i *Identity) Administers() bool {
	return i.Holds(ApplicationAdmin) || i.Holds(UserAdmin) || i.Holds(Governance)
}
