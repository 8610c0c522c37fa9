// Package rewrite turns the text of a statement into one that can only touch
// governed data. DuckDB's own parser gives the tree, explicit lists say what may
// stand in it, and every base table becomes a governed leaf: the columns clear
// or masked, the rows selected by the row condition.
//
// A leaf is plain, a sub-select in place, only where every expression of the
// statement is on the list of total expressions (functions.txt, types.go).
// Otherwise it is copied: the executor fills a temporary table with what the
// asker may see, and the statement runs over the copies, so that no expression
// of the asker ever meets a hidden row.
package rewrite

import (
	"context"

	"stead"
	"stead/policy/expr"
)

// Parser is DuckDB's parser and serialiser.
type Parser interface {
	// Serialize gives the tree of the statements as JSON, or a *duck.SyntaxError where
	// the text does not parse or is no SELECT.
	Serialize(ctx context.Context, sql string) ([]byte, error)
	// Deserialize prints such a tree as text.
	Deserialize(ctx context.Context, tree []byte) (string, error)
}

// Source is a table that the asker may read, as Resolve found it.
type Source struct {
	Decision stead.Decision // Verdict is Allow and Source is set, or the statement is refused
	// Sealed marks a source outside what the throw scan covers: always copied.
	Sealed bool
}

// Resolve finds the table that a path (one to three parts, as the statement
// spells them) names for the asker. Its error is given to the asker as it is, so
// a hidden table's must be that of a table that does not exist.
type Resolve func(path []string) (Source, error)

// Tier says how hidden data is kept from the asker's expressions.
type Tier uint8

// The tiers. The zero Tier is no plan.
const (
	NoTier    Tier = iota
	TableFree      // no table: nothing to hide
	Plain          // governed sub-selects in place
	Copied         // temporary copies
)

// String returns the tier's name.
func (t Tier) String() string { return [...]string{"none", "table-free", "plain", "copied"}[t] }

// Limits bound what a statement may cost before it runs. Zero fields take DefaultLimits'.
type Limits struct {
	Bytes    int   // of statement text
	Depth    int   // of nesting and of operator chains
	Nodes    int   // of the parsed tree
	List     int   // expressions in one IN list
	Length   int64 // literal length given to functions that make text or lists
	CopyRows int64 // rows in one copy
	Cached   int   // plans kept
}

// DefaultLimits are generous for people and bounded for programs.
var DefaultLimits = Limits{Bytes: 1 << 20, Depth: 200, Nodes: 100_000, List: 10_000, Length: 1_000_000,
	CopyRows: 20_000_000, Cached: 2_000}

// Printer prints conditions and masks over the columns that column spells. What it
// prints must be total.
type Printer interface {
	Condition(n expr.Node, column func(name string) string) (string, error)
	Mask(n expr.Node, t expr.Type, column func(name string) string) (string, error)
}

// Config is what a Rewriter needs.
type Config struct {
	Parser Parser
	// Key resolves hash keys for conditions and masks.
	Key func(id string) (string, error)
	// Printer is nil for that of dialect/duckdb.
	Printer Printer
	// Catalogue reports whether a path names a relation of the catalogue.
	Catalogue func(path []string) bool
	// CatalogueFunction reports whether the catalogue engine offers a function. Only
	// statements without data tables may use those that the lists here do not have.
	CatalogueFunction func(name string) bool
	Limits            Limits
}

// Plan is a statement that is ready to run. Plans are shared: never change one.
type Plan struct {
	// Catalogue marks a statement for the catalogue engine, which rewrites SQL (the
	// statement as it was asked) itself. Everything below is empty then.
	Catalogue bool
	SQL       string
	Tier      Tier
	// Copies are made before SQL runs, on the same engine connection, and dropped after.
	Copies []Copy
	// Parameters has one entry for each $n from 1 to the highest used.
	Parameters []Parameter
	// Bind[i] is the 0-based client parameter for the engine's parameter i+1.
	Bind   []int
	Leaves []Leaf
}

// Parameter is a client parameter. Type is the DuckDB type a value must have
// before it is bound: a text that is not of the type is refused by whoever binds,
// never cast by the engine, because a cast can fail and show by failing.
type Parameter struct {
	Type string
	Used bool
}

// Copy is a temporary table of what the asker may see of a leaf.
type Copy struct {
	Name  string // qualified and quoted
	Fill  string // CREATE TEMP TABLE ... AS SELECT ...
	Drop  string
	Bind  []int // as Plan.Bind, for Fill
	Limit int64 // when the copy holds more rows than this, refuse with TooLarge
}

// Leaf says what of which source the statement reads, for the record.
type Leaf struct {
	Object      stead.Object
	Source      stead.SourceID
	Fingerprint stead.Fingerprint
	Columns     []string // that the statement may use
	Masked      []string // those of Columns that are masked
	Decision    *stead.Decision
	path        []string
}

// TooLarge is the refusal of a copy that exceeds its limit.
func TooLarge() *stead.Error {
	return stead.Errorf(stead.Limit, "the statement would copy too many rows of a protected table").
		WithHint("compare columns with constants to narrow the rows, or use only functions that need no copy")
}

func notAvailable(what, name string) *stead.Error {
	return stead.Errorf(stead.Denied, "%s %q is not available here", what, name)
}

func unsupported(what string) *stead.Error {
	return stead.Errorf(stead.Unsupported, "%s is not supported", what)
}
