package bundle

import "stead"

// The documents as they are written. A pointer tells what was left out and stays as it is.

type principalDoc struct {
	Type stead.PrincipalKind `json:"type"`
	IAM  string              `json:"iam"`
	Name string              `json:"name"`
}

type userDoc struct {
	Name         string                    `json:"name"`
	IAM          string                    `json:"iam"`
	DisplayName  string                    `json:"displayName"`
	Email        string                    `json:"email"`
	Description  string                    `json:"description"`
	Permissions  []stead.Permission        `json:"permissions"`
	Impersonates *impersonatesDoc          `json:"impersonates"`
	Attributes   stead.Attributes          `json:"attributes"`
	External     map[stead.Platform]string `json:"external"`
	Project      *string                   `json:"project"`
	Disabled     *bool                     `json:"disabled"`
}

type agentDoc struct {
	userDoc
	Owner *principalDoc `json:"owner"`
}

type impersonatesDoc struct {
	Users  []string `json:"users"`
	Groups []string `json:"groups"`
}

type groupDoc struct {
	Name        string           `json:"name"`
	IAM         string           `json:"iam"`
	Email       string           `json:"email"`
	Description string           `json:"description"`
	Attributes  stead.Attributes `json:"attributes"`
	Members     []principalDoc   `json:"members"`
}

type connectionDoc struct {
	Key        string            `json:"key"`
	Platform   stead.Platform    `json:"platform"`
	Address    string            `json:"address"`
	Credential string            `json:"credential"`
	Settings   map[string]string `json:"settings"`
	Disabled   *bool             `json:"disabled"`
}

type dataDoc struct {
	ConnectionKey string         `json:"connectionKey"`
	NameTemplate  templateDoc    `json:"nameTemplate"`
	Options       optionsDoc     `json:"options"`
	Owners        []principalDoc `json:"owners"`
	Sources       []sourceDoc    `json:"sources"`
}

type templateDoc struct {
	DataSourceFormat string `json:"dataSourceFormat"`
}

type optionsDoc struct {
	TableTags []stead.Tag `json:"tableTags"`
}

type sourceDoc struct {
	Table       string             `json:"table"`
	Schema      string             `json:"schema"`
	Naming      namingDoc          `json:"naming"`
	Description string             `json:"description"`
	Location    string             `json:"location"`
	Columns     []columnDoc        `json:"columns"`
	Tags        tagsDoc            `json:"tags"`
	Owners      []principalDoc     `json:"owners"`
	State       *stead.SourceState `json:"state"`
}

type namingDoc struct {
	DataSource string `json:"datasource"`
}

type columnDoc struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
}

type tagsDoc struct {
	Table   []stead.Tag     `json:"table"`
	Columns []columnTagsDoc `json:"columns"`
}

type columnTagsDoc struct {
	ColumnName string      `json:"columnName"`
	Tags       []stead.Tag `json:"tags"`
}

type purposeDoc struct {
	Name            string       `json:"name"`
	Description     string       `json:"description"`
	Acknowledgement string       `json:"acknowledgement"`
	Subpurposes     []purposeDoc `json:"subpurposes"`
}

type projectDoc struct {
	ProjectKey       string         `json:"projectKey"`
	Name             string         `json:"name"`
	Description      string         `json:"description"`
	Purposes         []string       `json:"purposes"`
	Owners           []principalDoc `json:"owners"`
	Members          []principalDoc `json:"members"`
	DataSources      []string       `json:"datasources"`
	AllowMaskedJoins bool           `json:"allowMaskedJoins"`
}

type subscriptionDoc struct {
	Source    string                  `json:"source"`
	Principal principalDoc            `json:"principal"`
	Access    stead.Access            `json:"access"`
	State     stead.SubscriptionState `json:"state"`
}

type settingDoc struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
