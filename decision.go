package stead

import "stead/policy/expr"

// Verdict says whether the operation may happen at all. The zero Verdict denies.
type Verdict uint8

// The verdicts.
const (
	Deny Verdict = iota
	Allow
)

// Extent is how far a condition reaches. The zero Extent is Never.
type Extent uint8

// The three results of partial evaluation.
const (
	Never Extent = iota
	Always
	When
)

// Residual is a condition after partial evaluation. When carries the rest, a Bool
// expression over columns that counts only where it is TRUE; it is nil otherwise.
type Residual struct {
	Extent Extent
	When   expr.Node
}

// ColumnAccess says what of a column is shown. The zero ColumnAccess shows nothing and
// refuses a statement that names the column.
type ColumnAccess uint8

// The kinds of column access.
const (
	ColumnDenied ColumnAccess = iota
	ColumnClear
	ColumnMasked
)

// ColumnDecision is the decision on one column.
type ColumnDecision struct {
	Name   string
	Type   expr.Type
	Access ColumnAccess
	// Mask replaces the value where Access is ColumnMasked: an expression of the column's
	// own type over the row. Nil otherwise.
	Mask expr.Node
	// Kind names the mask for people and records: "null", "constant", "hash", "regex",
	// "rounding", "partial", prefixed "conditional " where it depends on the row.
	Kind string
}

// Effect is what a reason explains.
type Effect string

// The effects.
const (
	Granted    Effect = "granted"     // access was given
	Refused    Effect = "refused"     // access was refused
	RowsLeft   Effect = "rows"        // a row rule applies
	RowsExempt Effect = "rows-exempt" // a row rule does not apply to the subject
	Masked     Effect = "masked"      // a mask applies to Column
	MaskExempt Effect = "mask-exempt" // a mask does not apply to the subject
)

// Reason says why: the policy, its rule, and the fact about the subject that decided.
// It is for the subject's own eyes, governors and auditors; it holds no hidden value.
type Reason struct {
	Effect Effect `json:"effect"`
	Policy string `json:"policy,omitempty"` // policy key; "" for ownership, project limits and defaults
	Rule   int    `json:"rule"`             // 0-based index of the rule in its action, -1 if none
	Column string `json:"column,omitempty"`
	Fact   string `json:"fact"` // e.g. `has no value "Finance" of attribute "department"`
}

// PolicyRef names a policy and its version as it was enforced.
type PolicyRef struct {
	Key  string   `json:"key"`
	ID   int64    `json:"id"`
	At   Revision `json:"revision"`
	Kind string   `json:"kind"` // "subscription" or "data"
}

// Fingerprint is a hash of everything a decision depended on: equal fingerprints mean
// that the same rows and values are shown. The zero Fingerprint equals nothing.
type Fingerprint [32]byte

// Decision is the answer for one asker, object and operation. The zero Decision denies.
type Decision struct {
	Verdict   Verdict
	Object    Object
	Operation Operation
	// Source is the data source decided about; nil for an unregistered object.
	Source *DataSource
	// Rows selects the rows that are shown.
	Rows Residual
	// Columns has one entry for each column of Source, in its order.
	Columns     []ColumnDecision
	Reasons     []Reason
	Policies    []PolicyRef // every policy that had a part, also in a denial
	Fingerprint Fingerprint
	// Denial is the safe error for the asker when Verdict is Deny: hidden and nonexistent
	// objects give the same text. Never nil then.
	Denial *Error
}
