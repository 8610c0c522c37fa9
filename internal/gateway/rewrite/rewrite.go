package rewrite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"stead"
	"stead/dialect/duckdb"
	"stead/internal/gateway/duck"
)

// Rewriter plans statements. It may be used by many goroutines.
type Rewriter struct {
	cfg       Config
	limits    Limits
	functions map[string]function
	cache     *cache
}

// New makes a Rewriter. It fails only when its own list of functions is broken.
func New(cfg Config) (*Rewriter, error) {
	functions, err := parseFunctions(functionText)
	if err != nil {
		return nil, err
	}
	if cfg.Printer == nil {
		cfg.Printer = dialect{cfg.Key}
	}
	l := cfg.Limits.withDefaults()
	return &Rewriter{cfg: cfg, limits: l, functions: functions, cache: newCache(l.Cached)}, nil
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	for _, f := range []struct{ have, def *int }{{&l.Bytes, &d.Bytes}, {&l.Depth, &d.Depth}, {&l.Nodes, &d.Nodes}, {&l.List, &d.List}, {&l.Cached, &d.Cached}} {
		if *f.have == 0 {
			*f.have = *f.def
		}
	}
	if l.Length == 0 {
		l.Length = d.Length
	}
	if l.CopyRows == 0 {
		l.CopyRows = d.CopyRows
	}
	return l
}

// function finds an entry of the list; class "" is a scalar or an aggregate.
func (r *Rewriter) function(name, class string) (function, bool) {
	if class == "table" {
		f, ok := r.functions["table "+name]
		return f, ok
	}
	if class == "window" {
		if f, ok := r.functions["window "+name]; ok {
			return f, true
		}
	}
	if class == "" {
		if f, ok := r.functions["scalar "+name]; ok {
			return f, true
		}
	}
	f, ok := r.functions["aggregate "+name]
	return f, ok
}

// Plan makes a statement ready to run for an asker. oids are the types the client
// gave its parameters, 0 or missing where it gave none. Errors are stead.Error
// values that are safe for the asker. A plan is valid as long as resolve gives
// every leaf the same fingerprint: ask again for every execution, which costs a
// look into the cache and one resolve for each leaf.
func (r *Rewriter) Plan(ctx context.Context, sql string, oids []uint32, resolve Resolve) (*Plan, error) {
	if len(sql) > r.limits.Bytes {
		return nil, stead.Errorf(stead.Limit, "the statement is longer than %d bytes", r.limits.Bytes).WithHint("send it in parts")
	}
	key := cacheKey(sql, oids)
	if p, ok, err := r.cache.get(key, resolve); ok || err != nil {
		return p, err
	}
	p, err := r.plan(ctx, sql, oids, resolve)
	if err != nil {
		return nil, err
	}
	r.cache.put(key, p)
	return p, nil
}

// statement is one on its way to a plan.
type statement struct {
	r         *Rewriter
	resolve   Resolve
	oids      []uint32
	root      tree
	walk      *walk
	refs      []*leafRef
	catalogue int
}

func (r *Rewriter) plan(ctx context.Context, sql string, oids []uint32, resolve Resolve) (*Plan, error) {
	tokens, err := tokenize(sql)
	if err != nil {
		return nil, err
	}
	if err := bound(tokens, r.limits); err != nil {
		return nil, err
	}
	src := repair(tokens)
	root, err := r.parse(ctx, src)
	if err != nil {
		return r.unparsed(sql, tokens, err)
	}
	s := &statement{r: r, resolve: resolve, oids: oids, root: root, walk: newWalk(r, src)}
	s.walk.leaf = s.leaf
	if err := s.walk.query(statementOf(root)); err != nil {
		return nil, err
	}
	if p, err := s.catalogued(sql); p != nil || err != nil {
		return p, err
	}
	s.widen(root)
	for _, l := range s.refs {
		l.use(s.walk.names)
	}
	return s.finish(ctx)
}

// unparsed is a statement that DuckDB's parser does not read: the catalogue has
// repairs of its own, and nothing to hide.
func (r *Rewriter) unparsed(sql string, tokens []token, err error) (*Plan, error) {
	for _, t := range tokens {
		if n := t.name(); n == "pg_catalog" || n == "information_schema" {
			if stead.CodeOf(err) == stead.Invalid {
				return &Plan{Catalogue: true, SQL: sql}, nil
			}
		}
	}
	return nil, err
}

// parse gives the tree of exactly one SELECT.
func (r *Rewriter) parse(ctx context.Context, sql string) (tree, error) {
	b, err := r.cfg.Parser.Serialize(ctx, sql)
	if err != nil {
		var syntax *duck.SyntaxError
		if duck.KindOf(err) == "out of memory" {
			return nil, stead.Errorf(stead.Limit, "the statement is too large").WithHint("shorten its lists or split it").WithCause(err)
		}
		if !errors.As(err, &syntax) {
			return nil, err
		}
		return nil, syntaxError(sql, syntax)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var root tree
	if err := d.Decode(&root); err != nil {
		return nil, stead.AsError(fmt.Errorf("tree of a statement: %w", err))
	}
	for name := range root {
		if name != "error" && name != "statements" {
			return nil, unsupported("the part \"" + name + "\" of a statement")
		}
	}
	if n := len(list(root["statements"])); n != 1 {
		return nil, stead.Errorf(stead.Invalid, "%d statements were given where one is expected", n)
	}
	return root, nil
}

func syntaxError(sql string, e *duck.SyntaxError) error {
	if e.Kind == "not implemented" {
		return stead.Errorf(stead.Unsupported, "only queries are offered here").WithHint("use SELECT; data is changed where it lives")
	}
	message, _, _ := strings.Cut(e.Text, "\n")
	err := stead.Errorf(stead.Invalid, "%s", message)
	if e.Position >= 0 && e.Position <= len(sql) {
		before := sql[:e.Position]
		return err.At(stead.Place{Line: 1 + strings.Count(before, "\n"), Column: e.Position - strings.LastIndex(before, "\n")})
	}
	return err
}

func statementOf(root tree) any { return list(root["statements"])[0] }

// leaf is called for each base table of the statement as it was asked.
func (s *statement) leaf(ref tree, path []string) error {
	if s.r.cfg.Catalogue != nil && s.r.cfg.Catalogue(path) {
		s.catalogue++
		return nil
	}
	src, err := s.resolve(path)
	if err != nil {
		return err
	}
	if d := src.Decision; d.Verdict != stead.Allow || d.Source == nil || d.Operation != stead.Read {
		if d.Denial != nil {
			return d.Denial
		}
		return stead.Errorf(stead.Denied, "the table may not be read")
	}
	l := &leafRef{index: len(s.refs), path: path, source: src, sampled: ref["sample"] != nil, unaliased: str(ref, "alias") == ""}
	l.renamed = len(list(ref["column_name_alias"])) > 0
	l.all = l.renamed
	if l.unaliased {
		ref["alias"] = str(ref, "table_name")
	}
	l.alias = duckdb.FoldName(str(ref, "alias"))
	ref["catalog_name"], ref["schema_name"], ref["table_name"] = "", "", l.placeholder()
	s.refs = append(s.refs, l)
	s.walk.aliases[l.alias] = true
	if n := len(s.walk.frames); n > 0 {
		s.walk.frames[n-1].refs = append(s.walk.frames[n-1].refs, l)
	}
	return nil
}

// catalogued sends statements about the catalogue alone to the catalogue engine.
func (s *statement) catalogued(sql string) (*Plan, error) {
	if s.catalogue > 0 && len(s.refs) > 0 {
		return nil, unsupported("a statement over tables and the catalogue at once").WithHint("ask them one after the other")
	}
	if s.catalogue > 0 {
		return &Plan{Catalogue: true, SQL: sql}, nil
	}
	for _, f := range s.walk.foreign {
		what, name, _ := strings.Cut(f, "\x00")
		if len(s.refs) > 0 && sessionNames[name] && s.hasColumn(name) {
			continue
		}
		known := s.r.cfg.CatalogueFunction != nil && s.r.cfg.CatalogueFunction(name)
		if len(s.refs) > 0 || !known && what == "function" {
			return nil, notAvailable(what, name)
		}
	}
	if len(s.walk.foreign) > 0 && len(s.refs) == 0 {
		return &Plan{Catalogue: true, SQL: sql}, nil
	}
	return nil, nil
}

func (s *statement) hasColumn(name string) bool {
	for _, l := range s.refs {
		for _, c := range l.source.Decision.Columns {
			if duckdb.FoldName(c.Name) == name {
				return true
			}
		}
	}
	return false
}

// widen marks what natural joins and whole rows use: every column.
func (s *statement) widen(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			s.widen(e)
		}
	case tree:
		if str(v, "ref_type") == "NATURAL" {
			for _, l := range s.refs {
				l.all = true
			}
		}
		if parts := texts(v["column_names"]); len(parts) == 1 {
			for _, l := range s.refs {
				l.all = l.all || l.alias == duckdb.FoldName(parts[0])
			}
		}
		for _, e := range v {
			s.widen(e)
		}
	}
}

// finish prints the statement, reads back what DuckDB will see, judges that, and
// puts the leaves in place.
func (s *statement) finish(ctx context.Context) (*Plan, error) {
	plan := &Plan{}
	s.wrapParameters(plan)
	b, err := json.Marshal(s.root)
	if err != nil {
		return nil, stead.AsError(err)
	}
	printed, err := s.r.cfg.Parser.Deserialize(ctx, b)
	if err != nil {
		return nil, stead.Errorf(stead.Unsupported, "the statement cannot be rewritten").WithCause(err)
	}
	root, err := s.r.parse(ctx, printed)
	if err != nil {
		return nil, stead.Errorf(stead.Unsupported, "the statement cannot be rewritten").WithCause(err)
	}
	if err := s.check(root, printed); err != nil {
		return nil, err
	}
	if err := s.tier(root, plan); err != nil {
		return nil, err
	}
	return plan, s.place(printed, plan)
}

// check walks the tree of the printed statement by the same lists; every table in
// it must be a placeholder, each once.
func (s *statement) check(root tree, printed string) error {
	w := newWalk(s.r, printed)
	seen := map[string]int{}
	w.leaf = func(ref tree, path []string) error {
		if len(path) != 1 || !strings.HasPrefix(path[0], reserved) {
			return stead.AsError(fmt.Errorf("table %q in a rewritten statement", path))
		}
		seen[path[0]]++
		return nil
	}
	if err := w.query(statementOf(root)); err != nil {
		return err
	}
	for _, l := range s.refs {
		if seen[l.placeholder()] != 1 {
			return stead.AsError(fmt.Errorf("leaf %s stands %d times in a rewritten statement", l.placeholder(), seen[l.placeholder()]))
		}
	}
	if len(seen) != len(s.refs) {
		return stead.AsError(fmt.Errorf("unknown leaves in a rewritten statement: %v", seen))
	}
	for _, f := range w.foreign {
		if _, name, _ := strings.Cut(f, "\x00"); !slices.Contains(s.walk.foreign, f) {
			return notAvailable("function", name)
		}
	}
	return nil
}

// tier judges the statement and decides how each leaf is put in place.
func (s *statement) tier(root tree, plan *Plan) error {
	if len(s.refs) == 0 {
		plan.Tier = TableFree
		return nil
	}
	n := newNames(s.r.function)
	refs := map[string]*leafRef{}
	closed := false
	for _, l := range s.refs {
		refs[l.placeholder()] = l
		if l.renamed {
			n.relation(l.alias)
			for c := range l.types() {
				n.add(c, meaning{})
			}
		} else {
			n.leaf(l.alias, l.types())
		}
		closed = closed || !l.open()
	}
	n.collect(statementOf(root))
	n.parameters(plan.Parameters)
	if !closed || !s.sealed() && n.node(object(object(statementOf(root))["node"])) {
		plan.Tier = Plain
		return nil
	}
	plan.Tier = Copied
	(&narrower{names: n, refs: refs}).visit(statementOf(root))
	return nil
}

func (s *statement) sealed() bool {
	for _, l := range s.refs {
		if l.source.Sealed || l.sampled {
			return true
		}
	}
	return false
}

// place puts the leaves' SQL where the placeholders stand.
func (s *statement) place(printed string, plan *Plan) error {
	tokens, err := tokenize(printed)
	if err != nil {
		return stead.AsError(fmt.Errorf("printed statement: %w", err))
	}
	bodies := map[string]string{}
	made := map[string]bool{}
	for _, l := range s.refs {
		plan.Leaves = append(plan.Leaves, l.record())
		if plan.Tier != Copied || l.open() {
			body, _, err := l.body(s.r.cfg.Printer, false)
			if err != nil {
				return err
			}
			bodies[l.placeholder()] = "(" + body + ")"
			continue
		}
		c, err := l.copied(s.r)
		if err != nil {
			return err
		}
		bodies[l.placeholder()] = "(SELECT * FROM " + c.Name + ")" // a sub-select has no rowid
		if !made[c.Name] {
			made[c.Name] = true
			plan.Copies = append(plan.Copies, c)
		}
	}
	var b strings.Builder
	for _, t := range tokens {
		if body, ok := bodies[t.name()]; ok {
			b.WriteString(body)
		} else {
			b.WriteString(t.text)
		}
	}
	plan.SQL = b.String()
	return nil
}
