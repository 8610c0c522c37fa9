package bundle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"stead"
	"stead/policy/expr"
)

// Test is a document of kind Test: given documents and rows, somebody asks, and this must come out. The
// corpus of the project and the tests that users write for their policies have the same form.
type Test struct {
	Name string `json:"name"`
	// Lines are those of docs/semantics.md that the case stands for.
	Lines []string `json:"lines,omitempty"`
	// Documents are given besides those that stand in the same file.
	Documents []Given     `json:"-"`
	Tables    []TestTable `json:"tables"`
	Asker     TestAsker   `json:"asker"`
	// Source is the table that is read whole, "schema.table"; the first table when it is empty.
	Source string `json:"source,omitempty"`
	// Operation is what is done to Source: list, read (when empty), insert, update, delete or define. Of all but
	// read only the verdict is expected.
	Operation string `json:"operation,omitempty"`
	// Query is asked instead, on engines that read SQL.
	Query  string     `json:"query,omitempty"`
	Expect TestExpect `json:"expect"`
	// Exceptions name the engines that need not pass, each with the reason.
	Exceptions map[string]string `json:"exceptions,omitempty"`

	Place stead.Place `json:"-"`
}

// Given is another document of a test's world, in the form in which bundles write it.
type Given struct {
	Kind  string
	JSON  []byte // without kind
	Place stead.Place
}

// TestTable is a data source with its rows. Its columns may be left out where a DataSource document declares them.
type TestTable struct {
	Source  string             `json:"source"` // "schema.table"
	Columns []TestColumn       `json:"columns,omitempty"`
	Tags    []stead.Tag        `json:"tags,omitempty"`
	Owners  []stead.Principal  `json:"owners,omitempty"`
	State   *stead.SourceState `json:"state,omitempty"`
	// Unregistered tables hold rows and are no data source.
	Unregistered bool `json:"unregistered,omitempty"`
	// View is a query over the other tables of the test, instead of rows. Engines without SQL take the rows.
	View string `json:"view,omitempty"`
	// Rows hold texts in the canonical form of the column's type, numbers, true, false and null.
	Rows [][]any `json:"rows"`
}

// TestColumn declares a column.
type TestColumn struct {
	Name string      `json:"name"`
	Type expr.Type   `json:"type"`
	Tags []stead.Tag `json:"tags,omitempty"`
}

// TestAsker says who asks. Steps are what the session does before it asks.
type TestAsker struct {
	User          string     `json:"user"`
	Impersonating string     `json:"impersonating,omitempty"`
	Project       string     `json:"project,omitempty"`
	At            string     `json:"at,omitempty"` // RFC 3339; some fixed time when empty
	Steps         []TestStep `json:"steps,omitempty"`
}

// TestStep is one change of a session; exactly one member is set.
type TestStep struct {
	Impersonate string `json:"impersonate,omitempty"`
	Project     string `json:"project,omitempty"`
	End         string `json:"end,omitempty"` // "impersonation" or "project"
}

// TestExpect is what must come out: rows in any order, or a refusal.
type TestExpect struct {
	Columns []string `json:"columns,omitempty"` // all of the source when empty
	Rows    [][]any  `json:"rows,omitempty"`
	// Denied is the code of the refusal, e.g. "not_found".
	Denied string `json:"denied,omitempty"`
	// Reasons are texts that must be found in reasons of the decision.
	Reasons []string `json:"reasons,omitempty"`
	// Kinds says of masked columns by which mask; columns that are not named must be clear, when any is named.
	Kinds map[string]string `json:"kinds,omitempty"`
}

// Tests reads the documents of kind Test of a file. Every other document of the file is given to each of them.
func Tests(file string, src []byte) ([]Test, error) {
	nodes, err := readTrees(file, src)
	if err != nil {
		return nil, err
	}
	var shared []Given
	var tests []*node
	problems, err := checkForms(file, nodes)
	if err != nil || len(problems) > 0 {
		return nil, cmp.Or(err, problems.Err())
	}
	for _, n := range nodes {
		switch g, err := given(file, n); {
		case err != nil:
			problems = append(problems, err)
		case g.Kind == "Test":
			tests = append(tests, n)
		default:
			shared = append(shared, g)
		}
	}
	var out []Test
	for _, n := range tests {
		t, err := readTest(file, n, shared)
		if err != nil {
			problems = append(problems, err...)
			continue
		}
		out = append(out, t)
	}
	return out, problems.Err()
}

// checkForms holds documents against their schemas, and those that are given within tests. Policies have a
// decoder of their own that says more.
func checkForms(file string, nodes []*node) (Problems, error) {
	var out Problems
	known := schemas{}
	for _, n := range nodes {
		d := newDocument(file, n)
		if k := n.member("kind"); k == nil || !slices.Contains(Kinds(), k.text) || k.text == "Policy" {
			continue // whoever makes the world of them refuses what is not known
		}
		d.kind = n.member("kind").text
		found, err := known.check(d)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
		if inner := n.member("given"); d.kind == "Test" && inner != nil {
			more, err := checkForms(file, inner.items)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
	}
	return out, nil
}

// Documents reads every document of a file that is not a Test.
func Documents(file string, src []byte) ([]Given, error) {
	nodes, err := readTrees(file, src)
	if err != nil {
		return nil, err
	}
	var out []Given
	var problems Problems
	for _, n := range nodes {
		g, err := given(file, n)
		if err != nil {
			problems = append(problems, err)
		} else if g.Kind != "Test" {
			out = append(out, g)
		}
	}
	return out, problems.Err()
}

func given(file string, n *node) (Given, *stead.Error) {
	at := place(file, n.at, "")
	k := n.member("kind")
	if k == nil || k.kind != text {
		return Given{}, problem(at, "kind is missing").WithHint("write kind: Policy, Test, ...")
	}
	return Given{Kind: k.text, JSON: n.without("kind").json(), Place: at}, nil
}

func readTest(file string, n *node, shared []Given) (Test, Problems) {
	t := Test{Place: place(file, n.at, ""), Documents: append([]Given(nil), shared...)}
	var problems Problems
	if list := n.member("given"); list != nil {
		for _, item := range list.items {
			g, err := given(file, item)
			if err != nil {
				problems = append(problems, err)
				continue
			}
			t.Documents = append(t.Documents, g)
		}
	}
	d := json.NewDecoder(bytes.NewReader(n.without("kind").without("given").json()))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(&t); err != nil {
		return t, append(problems, testProblem(t.Place, err))
	}
	if strings.TrimSpace(t.Name) == "" {
		problems = append(problems, problem(t.Place, "name is missing"))
	}
	return t, problems
}

func testProblem(at stead.Place, err error) *stead.Error {
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) {
		at.Path = typed.Field
		return problem(at, "must not be a %s", typed.Value).WithCause(err)
	}
	return problem(at, "%s", strings.TrimPrefix(err.Error(), "json: ")).WithCause(err)
}
