package duck

import (
	"context"
	"strings"

	"stead"
	dialect "stead/dialect/duckdb"
)

// table is what was found behind a location.
type table struct {
	columns []Column
	// typed says that the data itself fixes its types; CSV and JSON are read as declared.
	typed bool
	files *fileSet
	csv   *csvForm
	name  string // of the table in a database file, quoted
}

// inspect looks at what is behind a source's location.
func (e *Engine) inspect(ctx context.Context, def *stead.DataSource) (*table, error) {
	if e.isFile {
		return e.inspectTable(ctx, def)
	}
	set, err := listFiles(e.root, def.Location)
	if err != nil {
		return nil, err
	}
	return e.inspectFiles(ctx, set)
}

func (e *Engine) inspectFiles(ctx context.Context, set *fileSet) (*table, error) {
	t := &table{files: set, typed: set.format == parquet}
	if set.format == csv {
		form, err := e.sniff(ctx, set.paths[0])
		if err != nil {
			return nil, unreadable(err)
		}
		t.csv = form
	}
	s, err := e.admin.Prepare("SELECT * FROM " + t.discovery())
	if err != nil {
		return nil, unreadable(err)
	}
	defer s.Close()
	t.columns = s.Columns()
	return t, nil
}

func (e *Engine) inspectTable(ctx context.Context, def *stead.DataSource) (*table, error) {
	parts, err := tableName(def)
	if err != nil {
		return nil, err
	}
	t := &table{typed: true, name: fileCatalog + "." + dialect.Quote(parts[0]) + "." + dialect.Quote(parts[1])}
	s, err := e.admin.Prepare("SELECT * FROM " + t.name)
	if err != nil {
		return nil, stead.Errorf(stead.Unavailable, "there is no table %s in the database file any more", strings.Join(parts, ".")).
			WithHint("register the table again").WithCause(err)
	}
	defer s.Close()
	t.columns = s.Columns()
	return t, nil
}

// tableName reads a location of a database file, schema.table with optional double
// quotes; without a location it is the source's path.
func tableName(def *stead.DataSource) ([]string, error) {
	if def.Location == "" {
		return def.Path, nil
	}
	var parts []string
	rest := def.Location
	for {
		part, after, ok := cutName(rest)
		if !ok {
			break
		}
		parts = append(parts, part)
		if after == "" {
			if len(parts) == 1 {
				parts = []string{"main", parts[0]}
			}
			if len(parts) == 2 {
				return parts, nil
			}
			break
		}
		rest = after[1:]
	}
	return nil, stead.Errorf(stead.Invalid, "the location %q is not a table of the database file, schema.table", def.Location)
}

// cutName takes one name, quoted or not; after is empty or begins with a dot.
func cutName(s string) (name, after string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		i := strings.IndexByte(s, '.')
		if i < 0 {
			i = len(s)
		}
		return s[:i], s[i:], i > 0
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		after = s[i+1:]
		return b.String(), after, b.Len() > 0 && (after == "" || after[0] == '.')
	}
	return "", "", false
}

func quoted(s string) string { return "'" + escape(s) + "'" }

func (t *table) paths() string {
	parts := make([]string, len(t.files.paths))
	for i, p := range t.files.paths {
		parts[i] = quoted(globEscape(p))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// globEscape makes DuckDB read a path as itself.
func globEscape(p string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(p)
}

// discovery is the relation that finds out columns and types.
func (t *table) discovery() string {
	switch t.files.format {
	case parquet:
		return "system.main.read_parquet(" + t.paths() + t.options() + ")"
	case csv:
		return "system.main.read_csv(" + t.paths() + t.options() + t.csv.options() + ")"
	default:
		return "system.main.read_json(" + t.paths() + t.options() + ")"
	}
}

// relation is what the view reads: with CSV and JSON every type is given, so that
// nothing is guessed while serving.
func (t *table) relation(def *stead.DataSource) (string, error) {
	if t.name != "" {
		return t.name, nil
	}
	if t.files.format == parquet {
		return t.discovery(), nil
	}
	declared := map[string]string{}
	for _, c := range def.Columns {
		typ, err := dialect.TypeName(c.Type)
		if err != nil {
			return "", err
		}
		declared[c.Name] = typ
	}
	var cols []string
	for _, c := range t.columns {
		typ, ok := declared[c.Name]
		switch {
		case ok:
		case t.files.format == csv:
			typ = "VARCHAR" // in the file, not served
		default:
			continue
		}
		cols = append(cols, quoted(c.Name)+": "+quoted(typ))
	}
	spec := ", columns = {" + strings.Join(cols, ", ") + "}"
	if t.files.format == csv {
		return "system.main.read_csv(" + t.paths() + t.options() + t.csv.options() + ", auto_detect = false" + spec + ")", nil
	}
	return "system.main.read_json(" + t.paths() + t.options() + spec + ")", nil
}

// escape prepares text for a quoted literal; zero bytes are refused by Prepare.
func escape(s string) string { return strings.ReplaceAll(s, "'", "''") }
