package stead

// ProjectID and PurposeID are stable ids.
type (
	ProjectID int64
	PurposeID int64
)

// Project joins people, data sources and purposes. Acting in it limits the
// sources to its own.
type Project struct {
	ID          ProjectID   `json:"id"`
	Key         string      `json:"key"`
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	Members     []Principal `json:"members,omitempty"`
	Owners      []Principal `json:"owners,omitempty"`
	Sources     []Object    `json:"sources,omitempty"`
	Purposes    []string    `json:"purposes,omitempty"`
	MaskedJoins bool        `json:"maskedJoins,omitempty"`
	Bundle      string      `json:"bundle,omitempty"`
}

// Purpose says why data is used. Names are dotted: "Research.Oncology" lies under "Research".
type Purpose struct {
	ID              PurposeID `json:"id"`
	Key             string    `json:"key"` // the dotted name
	Description     string    `json:"description,omitempty"`
	Acknowledgement string    `json:"acknowledgement,omitempty"`
	Bundle          string    `json:"bundle,omitempty"`
}

// SubscriptionID is a stable id.
type SubscriptionID int64

// Subscription is the stored fact that a principal may use a data source; those
// that follow from attributes are computed by decide, never stored.
type Subscription struct {
	ID        SubscriptionID    `json:"id"`
	Source    Object            `json:"source"`
	Principal Principal         `json:"principal"`
	Access    Access            `json:"access"`
	State     SubscriptionState `json:"state"`
	Bundle    string            `json:"bundle,omitempty"`
}

// Access is what a subscription gives. The zero Access gives nothing.
type Access string

// The kinds of access.
const (
	ReadAccess  Access = "READ"
	WriteAccess Access = "WRITE" // read and write
)

// SubscriptionState is how far a request has come; only Approved counts.
type SubscriptionState string

// The states of a subscription.
const (
	Pending  SubscriptionState = "pending"
	Approved SubscriptionState = "approved"
	Rejected SubscriptionState = "rejected"
)

// Setting is a named, validated configuration of the governed world (not of the process).
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// The settings. Each has a safe default; unknown names are refused.
const (
	// ImpersonateAdministrators allows stead's administrators to be impersonated. Default "false".
	ImpersonateAdministrators = "impersonation.administrators"
	// GatewayImpersonators lists user names (comma-separated, "iam:name" outside the default IAM) that may
	// impersonate on the gateway beside those with the permission. Default "".
	GatewayImpersonators = "gateway.allowedImpersonators"
	// GatewaySingleImpersonation pins an accepted impersonation for the session. Default "false".
	GatewaySingleImpersonation = "gateway.singleImpersonationUser"
)
