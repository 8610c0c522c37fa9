package stead

import "time"

// RecordKind is what a record is about.
type RecordKind string

// The kinds of record.
const (
	QueryIntent  RecordKind = "query-intent"  // durable before the first byte of the answer
	QueryOutcome RecordKind = "query-outcome" // closes the intent with the same QueryID
	// QueryCollected is a statement that a platform logged itself, recorded after it was answered.
	QueryCollected RecordKind = "query-collected"
	SignIn         RecordKind = "sign-in"
	Impersonate    RecordKind = "impersonation" // begun, ended, refused
	Change         RecordKind = "change"        // one change of the governed world
	Inquiry        RecordKind = "access"        // an explanation, an audit search, a decision asked for
	System         RecordKind = "system"        // start, stop, checkpoint, gap
)

// RecordStatus is how it went.
type RecordStatus string

// The statuses.
const (
	Success      RecordStatus = "SUCCESS"
	Failure      RecordStatus = "FAILURE"      // allowed, but did not finish
	Unauthorized RecordStatus = "UNAUTHORIZED" // refused by policy, permission or credential
)

// Record is one audit event (docs/audit.md has the schema for readers). The chain's own
// members (writer, sequence, hashes) are added by audit when it is appended.
type Record struct {
	ID      string       `json:"id"`
	Kind    RecordKind   `json:"kind"`
	Time    time.Time    `json:"time"`
	Status  RecordStatus `json:"status"`
	Reason  string       `json:"statusReason,omitempty"` // safe text
	Cause   string       `json:"cause,omitempty"`        // for auditors: what was refused and why, no data values
	QueryID string       `json:"queryId,omitempty"`
	Session string       `json:"sessionId,omitempty"`

	Actor   Actor   `json:"actor"`
	Subject Subject `json:"subject"`
	Basis   Basis   `json:"basis,omitempty"`
	Project string  `json:"project,omitempty"`
	// Purposes acted under.
	Purposes []string `json:"purposes,omitempty"`
	Lease    LeaseID  `json:"lease,omitempty"`
	Revision Revision `json:"revision,omitempty"`

	Connection  string         `json:"connection,omitempty"`
	ClientAddr  string         `json:"clientAddress,omitempty"`
	Application string         `json:"application,omitempty"`
	Statement   string         `json:"statement,omitempty"` // as sent, cut to the configured length
	Targets     []RecordTarget `json:"targets,omitempty"`

	Rows       int64         `json:"rows,omitempty"` // rows returned
	Duration   time.Duration `json:"durationNs,omitempty"`
	Operation  string        `json:"operation,omitempty"` // of a change: "create", "update", "delete"
	ObjectKind string        `json:"objectKind,omitempty"`
	ObjectKey  string        `json:"objectKey,omitempty"`
	Details    string        `json:"details,omitempty"`
}

// RecordTarget is one object a statement touched.
type RecordTarget struct {
	Object        Object            `json:"object"`
	Source        SourceID          `json:"sourceId,omitempty"`
	SourceName    string            `json:"sourceName,omitempty"`
	Columns       []string          `json:"columns,omitempty"`       // named by the statement
	MaskedColumns map[string]string `json:"maskedColumns,omitempty"` // column to mask kind
	RowRule       string            `json:"rowRule,omitempty"`       // "never", "always", "when"
	Policies      []PolicyRef       `json:"policySet,omitempty"`
	Reasons       []Reason          `json:"reasons,omitempty"`
	Fingerprint   string            `json:"fingerprint,omitempty"` // hex
}
