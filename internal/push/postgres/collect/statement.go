package collect

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/push"
	"stead/internal/push/postgres/server"
)

var (
	endsAll = regexp.MustCompile(`(?i)impersonate_user\s*\(\s*(?:null|'')`)
	resets  = regexp.MustCompile(`(?i)^\s*reset\b`)
	// byUs are the ways in which stead's own procedures set the binding.
	byUs = regexp.MustCompile(`set_config\('immuta\.binding', (?:v_nonce, v_local|'', false|'', here|coalesce\()`)
)

// group is one statement that pgaudit tells of in several lines.
type group struct {
	asked     push.Asked
	statement int64
	vxid      string
	told      bool // some line is of a class that is recorded
	objects   bool // some line names an object
	others    bool // some object is not the system's or ours
}

// recorded are pgaudit's classes that are kept; of the others only what changes a session matters.
var recorded = []string{"READ", "WRITE", "FUNCTION", "DDL", "ROLE"}

// audited takes a line of pgaudit in.
func (s *following) audited(l *readLine, f *followed) {
	a, ok := parseAudit(l.Message)
	if !ok {
		s.c.gap("a line of pgaudit cannot be read", 1, l.at, "audit", l.Session, strconv.FormatInt(l.Line, 10))
		return
	}
	g := s.open[l.Session]
	if g == nil || g.statement != a.statement {
		s.close(l.Session)
		g = &group{asked: s.asked(l, push.AskedStatement), statement: a.statement, vxid: l.VXID}
		g.asked.Query = s.c.id(l.Session, "statement", strconv.FormatInt(a.statement, 10))
		g.asked.Command = strings.TrimSpace(a.class + " " + a.command)
		s.who(&g.asked, l, f)
		s.open[l.Session] = g
	}
	if g.asked.Statement == "" && !strings.HasPrefix(a.text, "<") {
		g.asked.Statement = withoutSecrets(a.text)
	}
	g.told = g.told || slices.Contains(recorded, a.class)
	g.asked.Rows = max(g.asked.Rows, a.rows)
	if a.object != "" {
		path := splitQualified(a.object)
		g.objects = true
		if !system(path) {
			g.others = true
			if a.relation {
				s.name(&g.asked, path)
			}
		}
	}
	if a.sub <= 1 || !byUs.MatchString(a.text) {
		s.took(a.text, l, f)
	}
}

// system reports whether an object is the server's or ours.
func system(path []string) bool {
	return len(path) > 1 && slices.Contains([]string{"pg_catalog", "information_schema", "pg_toast", "immuta_system", "immuta_policies", "immuta_procedures"}, path[0])
}

// close ends what pgaudit told of a session's statement.
func (s *following) close(session string) {
	g := s.open[session]
	if g == nil {
		return
	}
	delete(s.open, session)
	if g.asked.Failed == "" && (!g.told || g.objects && !g.others) {
		return
	}
	if !g.objects {
		s.guess(&g.asked)
	}
	if s.news(g, s.at[session]) {
		s.out = append(s.out, g.asked)
	}
}

// news reports whether a statement, of which a part may have been recorded with the batch before, is more than that part.
func (s *following) news(g *group, f *followed) bool {
	if g.statement <= 0 || f == nil {
		return true
	}
	if f.Statement != g.statement {
		f.Statement, f.Sources = g.statement, nil
		for _, r := range g.asked.Relations {
			f.Sources = append(f.Sources, r.Source)
		}
		return true
	}
	more := g.asked.Failed != ""
	for _, r := range g.asked.Relations {
		if !slices.Contains(f.Sources, r.Source) {
			f.Sources, more = append(f.Sources, r.Source), true
		}
	}
	g.asked.Remarks = append(g.asked.Remarks, "more of a statement that was recorded before")
	return more
}

// stated takes a line of log_statement or log_min_duration_statement in.
func (s *following) stated(l *readLine, f *followed) {
	text, ok := statementText(l.Message)
	if !ok {
		return
	}
	if !s.c.conf.audit {
		s.close(l.Session)
		g := &group{asked: s.asked(l, push.AskedStatement), statement: -l.Line, vxid: l.VXID, told: true}
		g.asked.Command, g.asked.Statement = l.Tag, withoutSecrets(text)
		s.who(&g.asked, l, f)
		s.open[l.Session] = g
	}
	s.took(text, l, f)
}

// failure takes in that a statement failed. The server's words may quote data and are left out.
func (s *following) failure(l *readLine, f *followed) {
	g := s.open[l.Session]
	if g == nil || g.vxid != l.VXID {
		s.close(l.Session)
		if l.SQL == "" {
			return
		}
		g = &group{asked: s.asked(l, push.AskedStatement), vxid: l.VXID}
		g.asked.Command, g.asked.Statement = l.Tag, withoutSecrets(l.SQL)
		s.who(&g.asked, l, f)
		s.open[l.Session] = g
	}
	g.asked.Failed, g.asked.Denied = l.State, l.State == "42501"
	s.close(l.Session)
}

// name adds a relation once.
func (s *following) name(a *push.Asked, path []string) {
	if !slices.ContainsFunc(a.Relations, func(r push.Relation) bool { return slices.Equal(r.Path, path) }) {
		a.Relations = append(a.Relations, push.Relation{Path: path, Source: s.relations[key(path)]})
	}
}

func key(path []string) string { return strings.Join(path, "\x00") }

// guess finds governed relations whose names stand in the text of a statement.
func (s *following) guess(a *push.Asked) {
	before := len(a.Relations)
	for _, name := range namesIn(a.Statement) {
		for n := min(len(name), 3); n > 0; n-- { // a column may follow
			part := name[:n]
			if len(part) > 1 && s.relations[key(part)] != 0 {
				s.name(a, part)
			} else if n == 1 {
				for _, path := range s.short[part[0]] {
					s.name(a, path)
				}
			}
		}
	}
	if len(a.Relations) > before {
		a.Remarks = append(a.Remarks, "relations by their names in the text of the statement")
	}
}

// loadRelations reads which tables and views belong to which data source, partitions and children too.
func (s *following) loadRelations(ctx context.Context, tx pgx.Tx) error {
	s.relations, s.short = map[string]stead.SourceID{}, map[string][][]string{}
	add := func(id int64, schema, name string, base bool) {
		path := []string{schema, name}
		if _, ok := s.relations[key(path)]; !ok {
			s.relations[key(path)] = stead.SourceID(id)
			if base {
				s.short[name] = append(s.short[name], path)
			}
		}
	}
	rows, err := tx.Query(ctx, `WITH RECURSIVE below(source, relation) AS (
			SELECT source, relation FROM immuta_system.governed UNION SELECT b.source, i.inhrelid FROM below b JOIN pg_inherits i ON i.inhparent = b.relation)
		SELECT b.source, n.nspname::text, c.relname::text FROM below b JOIN pg_class c ON c.oid = b.relation JOIN pg_namespace n ON n.oid = c.relnamespace
		UNION SELECT source, schema, name FROM immuta_system.governed ORDER BY 1`)
	if err := server.Each(rows, err, func(r pgx.Rows) error {
		var id int64
		var schema, name string
		if err := r.Scan(&id, &schema, &name); err != nil {
			return err
		}
		add(id, schema, name, true)
		add(id, s.c.of.Views(schema), name, false)
		return nil
	}); err != nil {
		return err
	}
	return tx.QueryRow(ctx, `SELECT current_database()::text`).Scan(&s.database)
}
