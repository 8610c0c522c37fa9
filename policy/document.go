// Package policy is the policy language: typed documents, their validation, their
// binding to a data source and the rules by which several policies combine. It is
// pure: it knows no store, engine, clock or user.
package policy

import (
	"stead"
)

// Type is what a policy is about. The zero Type is invalid.
type Type string

// The types of policy.
const (
	SubscriptionType Type = "subscription" // who reaches the table
	DataType         Type = "data"         // what a subscriber sees
)

// Policy is one policy document: exactly the v2 policy payload, YAML or JSON.
// Documents are decoded strictly: unknown, duplicate and case-variant keys are errors.
type Policy struct {
	// ID is the stored sequence: a smaller ID was created first. Assigned by the store.
	ID int64 `json:"-"`
	// At is the revision of the last change. Assigned by the store.
	At stead.Revision `json:"-"`
	// Bundle that created it, for prune.
	Bundle string `json:"-"`

	Key                  string             `json:"policyKey"`
	Name                 string             `json:"name"`
	Type                 Type               `json:"type"`
	Subscription         *Subscription      `json:"-"` // "actions" of a subscription policy
	Data                 []Action           `json:"-"` // "actions" of a data policy
	Circumstances        []Circumstance     `json:"circumstances,omitempty"`
	CircumstanceOperator string             `json:"circumstanceOperator,omitempty"` // "any" (default) or "all"
	Staged               bool               `json:"staged,omitempty"`
	Template             bool               `json:"template,omitempty"`
	Certification        *Certification     `json:"certification,omitempty"`
	OwnerRestrictions    *OwnerRestrictions `json:"ownerRestrictions,omitempty"`
}

// Subscription is the action of a subscription policy.
type Subscription struct {
	Type         string        `json:"type"` // "anyone", "approval", "entitlements", "manual"
	Description  string        `json:"description,omitempty"`
	Entitlements *Entitlements `json:"entitlements,omitempty"`
	// Advanced is the subscription DSL: @hasAttribute, @isInGroups, AND, OR, NOT ...
	Advanced  string     `json:"advanced,omitempty"`
	Approvals []Approval `json:"approvals,omitempty"`
	// AutomaticSubscription: who qualifies is subscribed without doing anything. Absent or false, who qualifies
	// (also under "anyone") must hold an approved subscription besides.
	AutomaticSubscription *bool `json:"automaticSubscription,omitempty"`
	AllowDiscovery        bool  `json:"allowDiscovery,omitempty"`
	// ShareResponsibility: false is always required (ANDed), true is shared (ORed).
	ShareResponsibility bool         `json:"shareResponsibility,omitempty"`
	AccessGrant         stead.Access `json:"accessGrant,omitempty"` // default READ
}

// Approval says who must approve a request.
type Approval struct {
	RequiredPermission       string `json:"requiredPermission"` // a Permission, or "OWNER"
	SpecificApproverRequired bool   `json:"specificApproverRequired,omitempty"`
}

// Entitlements is a condition on the subject. An empty condition is invalid, never "everyone".
type Entitlements struct {
	Operator   string         `json:"operator,omitempty"` // "all" or "any" (default "all")
	Groups     []string       `json:"groups,omitempty"`   // Group.Fact names
	Attributes []AttributeRef `json:"attributes,omitempty"`
	Purposes   []string       `json:"purposes,omitempty"`
}

// AttributeRef is an attribute pair.
type AttributeRef struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Action is one action of a data policy: a chain of rules, of which the first that
// includes the subject applies. Every rule but the last has inclusions; the last has none and is
// the "otherwise". The rules are all masks over the same fields, or all row rules.
type Action struct {
	Description string `json:"description,omitempty"`
	Rules       []Rule `json:"rules,omitempty"`
}

// The rule types. Others of the payload are known by name and refused as not offered yet.
const (
	Masking             = "Masking"
	RowByEntitlements   = "Row Restriction by User Entitlements"
	RowByWhere          = "Row Restriction by Custom Where Clause"
	MinimizationRule    = "Minimization"
	PurposeRestriction  = "Purpose Restriction"
	TimeRestrictionRule = "Time Restriction"
)

// Rule is one branch of an action.
type Rule struct {
	Type       string        `json:"type"`
	Exceptions *Entitlements `json:"exceptions,omitempty"` // for everyone EXCEPT
	Inclusions *Entitlements `json:"inclusions,omitempty"` // for everyone WHO; the next rule is "otherwise"
	Config     Config        `json:"config"`
}

// Config is the configuration of a rule; which members are allowed follows from the rule's type.
type Config struct {
	Fields               []FieldSelector `json:"fields,omitempty"`        // Masking
	MaskingConfig        *MaskingConfig  `json:"maskingConfig,omitempty"` // Masking
	ConditionalPredicate string          `json:"conditionalPredicate,omitempty"`
	Operator             string          `json:"operator,omitempty"`  // of matches: "all" (default) or "any"
	Matches              []Match         `json:"matches,omitempty"`   // RowByEntitlements
	Predicate            string          `json:"predicate,omitempty"` // RowByWhere
	Column               *ColumnRef      `json:"column,omitempty"`    // RowByWhere by list of values
	Values               string          `json:"values,omitempty"`
	Invert               bool            `json:"invert,omitempty"`
}

// FieldSelector chooses the columns a mask applies to.
type FieldSelector struct {
	Type            string    `json:"type"` // "columnTags", "anyTag", "noTags", "columnName", "columnRegex"
	ColumnTag       stead.Tag `json:"columnTag,omitempty"`
	ColumnName      string    `json:"columnName,omitempty"`
	Regex           string    `json:"regex,omitempty"`
	CaseInsensitive bool      `json:"caseInsensitive,omitempty"`
}

// MaskingConfig is the mask. Which members are allowed follows from Type.
type MaskingConfig struct {
	Type        string  `json:"type"`               // "Null", "Constant", "Hash", "Regex", "Rounding", "Partial"
	Constant    *string `json:"constant,omitempty"` // Constant: text of a value of the column's type
	Length      int     `json:"length,omitempty"`   // Hash: hex digits 1..64, default 64
	Pattern     string  `json:"regex,omitempty"`    // Regex: portable grammar
	Replacement string  `json:"replacement,omitempty"`
	BucketSize  string  `json:"bucketSize,omitempty"` // Rounding of numbers: decimal text > 0
	Places      *int    `json:"places,omitempty"`     // Rounding of decimals
	Unit        string  `json:"timePrecision,omitempty"`
	KeepFirst   *int    `json:"keepFirst,omitempty"` // Partial: exactly one of the two
	KeepLast    *int    `json:"keepLast,omitempty"`
	Character   string  `json:"character,omitempty"` // Partial: one code point, default '*'
}

// Match is one pair of a row restriction by entitlements: the row's column value must be
// among the subject's values.
type Match struct {
	Type      string    `json:"type"` // "attribute", "group", "purpose"
	Attribute string    `json:"attribute,omitempty"`
	Tag       stead.Tag `json:"tag,omitempty"`    // column by tag ...
	Column    string    `json:"column,omitempty"` // ... or by name
}

// ColumnRef names a column by tag or name.
type ColumnRef struct {
	Type string `json:"type"` // "tag" or "column"
	Name string `json:"name"`
}

// Circumstance says on which data sources a policy applies.
type Circumstance struct {
	Type            string    `json:"type"` // "tags", "columnTags", "columnRegex", "columnName", "anyTag", "noTags", "all", "dataSources"
	Tag             stead.Tag `json:"tag,omitempty"`
	ColumnTag       stead.Tag `json:"columnTag,omitempty"`
	Regex           string    `json:"regex,omitempty"`
	CaseInsensitive bool      `json:"caseInsensitive,omitempty"`
	ColumnName      string    `json:"columnName,omitempty"`
	Sources         []string  `json:"dataSources,omitempty"` // "connection:schema.table"
	Domains         []Domain  `json:"domains,omitempty"`     // not offered yet
}

// Domain names a domain of the payload by one of the two.
type Domain struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// Certification is kept and shown; nothing is enforced from it yet.
type Certification struct {
	Text  string   `json:"text"`
	Label string   `json:"label"`
	Tags  []string `json:"tags,omitempty"`
}

// OwnerRestrictions limits a policy to data sources owned by one of these.
type OwnerRestrictions struct {
	Users  []IAMUser `json:"users,omitempty"`
	Groups []string  `json:"groups,omitempty"`
}

// IAMUser names a user.
type IAMUser struct {
	IAM      string `json:"iamid"`
	Username string `json:"username"`
}
