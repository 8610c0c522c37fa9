package bundle

import (
	"context"
	"errors"
	"slices"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

// DefaultName is the name of a bundle that was given none.
const DefaultName = "default"

// Options say how a bundle is applied.
type Options struct {
	// Name tells bundles apart for Prune; "" is DefaultName.
	Name string
	// DryRun makes the same checks and says what would happen; nothing does.
	DryRun bool
	// Prune deletes what a bundle of this name created and this one does not describe.
	Prune bool
}

// errUnfit ends a transaction whose problems are known.
var errUnfit = errors.New("the bundle does not fit")

// Apply makes everything so as the bundle says, or nothing: all changes are one transaction, each with its record. New tables
// without declared columns are looked at through the crawler, which may be nil where none are expected; new connections and new tables
// with declared columns too, to warn only. The error is a
// *stead.Error, or Problems, with the place of what is wrong.
func (b *Bundle) Apply(ctx context.Context, g *govern.Service, c govern.Caller, crawler govern.Crawler, o Options) (*Plan, error) {
	if o.Prune && o.Name == "" {
		return nil, stead.Errorf(stead.Invalid, "pruning needs the bundle's name").
			WithHint("what is applied without a name counts as one bundle, and pruning by one file would delete what came from another; apply with a name and prune by the same")
	}
	if o.Name == "" {
		o.Name = DefaultName
	}
	if err := checkName(o.Name); err != nil {
		return nil, err
	}
	ahead, err := b.ahead(ctx, g, c, o.Name)
	if err != nil {
		return nil, err
	}
	found, err := ahead.crawl(ctx, g, c, crawler)
	if err == nil {
		err = ahead.glance(ctx, g, c, crawler, found)
	}
	if err != nil {
		return nil, err
	}
	a := &applying{bundle: b, options: o, found: found, glances: ahead.glances}
	result, err := g.Within(ctx, c, o.DryRun, a.choose(ctx, c, o.DryRun))
	if errors.Is(err, errUnfit) {
		// Only who may make the changes learns what does not fit: the same again without effect checks the rights.
		_, err = g.Within(ctx, c, true, a.choose(ctx, c, true))
	}
	if err != nil {
		return nil, a.located(err)
	}
	if err := a.problems.Err(); err != nil {
		return nil, err
	}
	return a.plan(result), nil
}

// Plan is Apply with DryRun.
func (b *Bundle) Plan(ctx context.Context, g *govern.Service, c govern.Caller, crawler govern.Crawler, o Options) (*Plan, error) {
	o.DryRun = true
	return b.Apply(ctx, g, c, crawler, o)
}

func checkName(name string) error {
	if len(name) > 128 || slices.ContainsFunc([]rune(name), func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
		return stead.Errorf(stead.Invalid, "the bundle's name is too long or holds a control character").WithHint("use up to 128 letters and digits")
	}
	return nil
}

// applying is one run over a bundle.
type applying struct {
	bundle   *Bundle
	options  Options
	found    findings
	glances  map[string]*glance // by key of the connection
	made     []*item            // whose edit each edit is; nil for what is pruned
	problems Problems
	warnings map[*item][]string
}

// choose makes the edits on the state that they will be made on. It may run several times.
func (a *applying) choose(ctx context.Context, c govern.Caller, plan bool) func(store.Reader) ([]govern.Edit, error) {
	return func(r store.Reader) ([]govern.Edit, error) {
		l := &look{ctx: ctx, r: r, name: a.options.Name, found: a.found}
		a.made, a.problems, a.warnings = nil, nil, map[*item][]string{}
		if err := a.bundle.references(l, c); err != nil {
			return nil, err
		}
		edits, err := a.edits(l)
		if err != nil {
			return nil, err
		}
		if a.options.Prune {
			more, err := a.bundle.prune(l)
			if err != nil {
				return nil, err
			}
			edits, a.made = append(edits, more...), append(a.made, make([]*item, len(more))...)
		}
		if a.problems = l.problems; len(a.problems) > 0 && !plan {
			return nil, errUnfit
		}
		return edits, a.warn(l)
	}
}

func (a *applying) edits(l *look) ([]govern.Edit, error) {
	var out []govern.Edit
	add := func(i *item, edit func(*look) (govern.Edit, error)) error {
		e, err := edit(l)
		if err == nil && e != nil {
			out, a.made = append(out, e), append(a.made, i)
		}
		return err
	}
	groups := slices.Index(ranks(), store.Groups)
	begun := false
	for _, i := range a.bundle.items {
		if !begun && i.rank() >= groups {
			begun = true
			for _, late := range a.bundle.items {
				if late.begin != nil {
					if err := add(late, late.begin); err != nil {
						return nil, err
					}
				}
			}
		}
		if err := add(i, i.edit); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (a *applying) warn(l *look) error {
	for _, i := range a.bundle.items {
		a.warnings[i] = a.glanced(i)
	}
	if !slices.ContainsFunc(a.bundle.items, func(i *item) bool { return len(i.mentions) > 0 }) {
		return nil
	}
	k, err := a.bundle.known(l)
	if err != nil {
		return err
	}
	for _, i := range a.bundle.items {
		a.warnings[i] = append(a.warnings[i], k.warnings(i)...)
	}
	return nil
}

// located gives an error of an edit the place of the item that it came from.
func (a *applying) located(err error) error {
	var at *govern.EditError
	if !errors.As(err, &at) || at.Index >= len(a.made) {
		return err
	}
	i, e := a.made[at.Index], stead.AsError(at.Err)
	if i == nil || e.Code == stead.Internal {
		return e
	}
	return e.At(i.place(e.Place.Path))
}
