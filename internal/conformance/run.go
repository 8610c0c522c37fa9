package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"stead"
	"stead/policy/expr"
)

// Options say what is run.
type Options struct {
	// Paths of the cases: files and folders.
	Paths []string
	// Engines by name; all when empty.
	Engines []string
	// Verbose prints every case, not only those that fail.
	Verbose bool
	// Doc is a file that is written with what was asked of which engine, when all engines ran and nothing failed.
	Doc string
}

// Summary is how a run ended.
type Summary struct {
	Cases, Engines, Failed, Exceptions int
}

// String is the last line of a run.
func (s Summary) String() string {
	return fmt.Sprintf("conformance: %d cases, %d engines, %d failed, %d declared exceptions", s.Cases, s.Engines, s.Failed, s.Exceptions)
}

// answer is what an engine gave: rows as they are shown, sorted, or a refusal.
type answer struct {
	types   []string // of the columns, as the engine calls them
	rows    []string
	denied  string // code of the refusal
	message string
	silent  bool // a refusal of an engine that does not say which: it stands for every code
	untyped bool // the engine does not say the types of a statement's columns
	// decision of the case's source, of engines that can tell.
	decision *stead.Decision
}

// engine runs one case after the other.
type engine interface {
	name() string
	ask(ctx context.Context, c *Case) (answer, error)
	// typeOf is how the engine calls a type; engines that give no types say "".
	typeOf(t expr.Type) string
	close() error
}

// Run runs the cases on the engines and says on w what failed; the last line is the Summary. The error
// is for what kept it from running at all.
func Run(ctx context.Context, w io.Writer, o Options) (Summary, error) {
	cases, err := Load(o.Paths...)
	if err != nil {
		return Summary{}, err
	}
	if len(cases) == 0 {
		return Summary{}, stead.Errorf(stead.NotFound, "there are no cases in %s", strings.Join(o.Paths, ", ")).
			WithHint("a case is a document of kind Test")
	}
	names := o.Engines
	if len(names) == 0 {
		names = EngineNames()
	}
	if o.Doc != "" && !slices.Equal(names, EngineNames()) {
		return Summary{}, stead.Errorf(stead.Invalid, "the page is about all engines").WithHint("run %s, in this order", strings.Join(EngineNames(), ","))
	}
	s := Summary{Cases: len(cases), Engines: len(names)}
	for _, name := range names {
		if err := runEngine(ctx, w, name, cases, &s, o.Verbose); err != nil {
			return s, fmt.Errorf("engine %s: %w", name, err)
		}
	}
	if o.Doc != "" && s.Failed == 0 {
		if err := os.WriteFile(o.Doc, []byte(page(cases)), 0o644); err != nil {
			return s, stead.Errorf(stead.Invalid, "%s cannot be written", o.Doc).WithCause(err)
		}
	}
	_, err = fmt.Fprintln(w, s)
	return s, err
}

// TestPath runs users' own cases, without any engine: the policies may stand in other files than the cases.
func TestPath(ctx context.Context, w io.Writer, verbose bool, paths ...string) (Summary, error) {
	return Run(ctx, w, Options{Paths: paths, Engines: []string{"interpreter"}, Verbose: verbose})
}

func open(ctx context.Context, name string, cases []*Case) (engine, error) {
	switch name {
	case "interpreter":
		return newInterpreter(), nil
	case "gateway":
		return newGateway(ctx, cases)
	case "postgres":
		return newPostgres(ctx, cases)
	default:
		return nil, stead.Errorf(stead.Invalid, "engine %q is not known", name).WithHint("use %s", strings.Join(EngineNames(), " or "))
	}
}

func runEngine(ctx context.Context, w io.Writer, name string, cases []*Case, s *Summary, verbose bool) (err error) {
	e, err := open(ctx, name, cases)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	for _, c := range cases {
		if reason := c.Exceptions[name]; reason != "" {
			s.Exceptions++
			continue
		}
		wrong, err := judge(ctx, e, c)
		if err != nil {
			wrong = []string{err.Error()}
		}
		if len(wrong) > 0 {
			s.Failed++
			fmt.Fprintf(w, "FAIL %s: %s: %s\n", name, c.Place, c.Name)
			for _, line := range wrong {
				fmt.Fprintf(w, "    %s\n", line)
			}
		} else if verbose {
			fmt.Fprintf(w, "ok   %s: %s\n", name, c.Name)
		}
	}
	return nil
}

// judge asks one engine and says in which ways its answer is not what the case expects.
func judge(ctx context.Context, e engine, c *Case) ([]string, error) {
	got, err := e.ask(ctx, c)
	if err != nil {
		return nil, err
	}
	var wrong []string
	if got.silent && c.Expect.Denied != "" {
		return nil, nil
	}
	if got.denied != c.Expect.Denied {
		return append(wrong, fmt.Sprintf("denied %q (%s), not %q", got.denied, got.message, c.Expect.Denied)), nil
	}
	if op, err := c.operation(); err != nil {
		return nil, err
	} else if got.denied == "" && op == stead.Read {
		more, err := c.compare(e, got)
		if err != nil {
			return nil, err
		}
		wrong = append(wrong, more...)
	}
	if got.decision != nil {
		wrong = append(wrong, c.explained(got.decision)...)
	}
	return wrong, nil
}

func (c *Case) compare(e engine, got answer) ([]string, error) {
	types, err := c.types()
	if err != nil {
		return nil, err
	}
	want, err := c.expected(types)
	if err != nil {
		return nil, err
	}
	var wrong []string
	for i, t := range types {
		if got.untyped {
			break
		}
		if name := e.typeOf(t); i >= len(got.types) || name != "" && got.types[i] != name {
			wrong = append(wrong, fmt.Sprintf("column %d has type %v, not %s", i, got.types, name))
		}
	}
	if !slices.Equal(got.rows, want) {
		wrong = append(wrong, "got   "+strings.Join(got.rows, "\n          "), "wants "+strings.Join(want, "\n          "))
	}
	return wrong, nil
}

// types of the columns that come out.
func (c *Case) types() ([]expr.Type, error) {
	if c.Query != "" {
		var out []expr.Type
		for _, s := range c.Expect.Columns {
			t, err := expr.ParseType(s)
			if err != nil {
				return nil, fmt.Errorf("expect.columns of a query are types: %w", err)
			}
			out = append(out, t)
		}
		return out, nil
	}
	columns, err := c.columns()
	var out []expr.Type
	for _, i := range columns {
		out = append(out, c.read.def.Columns[i].Type)
	}
	return out, err
}

// explained compares what a decision says of itself.
func (c *Case) explained(d *stead.Decision) []string {
	var wrong []string
	for _, want := range c.Expect.Reasons {
		if !slices.ContainsFunc(d.Reasons, func(r stead.Reason) bool {
			return strings.Contains(fmt.Sprintf("%s %s %s: %s", r.Effect, r.Policy, r.Column, r.Fact), want)
		}) {
			wrong = append(wrong, fmt.Sprintf("no reason says %q: %v", want, d.Reasons))
		}
	}
	if c.Expect.Kinds == nil {
		return wrong
	}
	for _, col := range d.Columns {
		if col.Kind != c.Expect.Kinds[col.Name] {
			wrong = append(wrong, fmt.Sprintf("column %q is masked as %q, not %q", col.Name, col.Kind, c.Expect.Kinds[col.Name]))
		}
	}
	return wrong
}
