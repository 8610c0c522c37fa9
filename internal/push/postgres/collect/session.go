package collect

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"stead"
	"stead/internal/push"
	"stead/internal/push/postgres/server"
)

// followed is what is known of a session whose backend may go on.
type followed struct {
	Line int64 `json:"n"`
	// Event is the last request that the log told of, and VXID the transaction it is of.
	Event *toldEvent `json:"event,omitempty"`
	VXID  string     `json:"vxid,omitempty"`
	// Lost: the session's nonce was taken away since the last request.
	Lost bool `json:"lost,omitempty"`
	// Statement is pgaudit's number of the last one that was recorded, and Sources what was said to belong to it.
	Statement int64            `json:"statement,omitempty"`
	Sources   []stead.SourceID `json:"sources,omitempty"`
	// Gone: the backend was not there any more when all was read.
	Gone bool `json:"gone,omitempty"`
}

// entry is one request in the history: those that were rolled back are not there.
type entry struct {
	at              string // as the log tells it
	when            time.Time
	subject         int64
	name            string
	accepted, ended bool
}

// loginFacts are what is known of a login now.
type loginFacts struct {
	identity     int64
	own          bool
	exempt       bool
	beyond       bool // superuser, or the like
	impersonates bool
}

// following goes through lines and says who asked each.
type following struct {
	c  *collecting
	at map[string]*followed

	history   map[string][]entry // by session
	logins    map[string]loginFacts
	pooled    map[string]bool // by address
	relations map[string]stead.SourceID
	short     map[string][][]string // by the last part of the name
	database  string

	seen map[string]map[string]bool // requests that the log told of, by session
	open map[string]*group
	out  []push.Asked
}

// follow makes the lines of a round into what was asked.
func (s *following) follow(ctx context.Context, tx pgx.Tx) ([]push.Asked, error) {
	if len(s.c.lines) == 0 {
		return nil, nil
	}
	if err := s.load(ctx, tx); err != nil {
		return nil, err
	}
	s.seen, s.open = map[string]map[string]bool{}, map[string]*group{}
	for i := range s.c.lines {
		s.line(&s.c.lines[i])
	}
	for _, name := range s.c.sessionsOf() {
		s.close(name)
	}
	slices.SortStableFunc(s.out, func(a, b push.Asked) int { return a.Time.Compare(b.Time) })
	return s.out, nil
}

// line takes one line in.
func (s *following) line(l *readLine) {
	start, _, _ := l.session()
	if l.Backend == "postmaster" {
		s.c.at.Told = max(s.c.at.Told, start)
	}
	if l.Database != "" && l.Database != s.database {
		return
	}
	f := s.at[l.Session]
	if f == nil {
		f = &followed{}
		if time.Unix(start, 0).Before(s.c.since.Add(time.Second)) {
			f.Line = l.Line - 1 // it began before us
		}
		s.at[l.Session] = f
	}
	if l.Line > f.Line+1 {
		s.c.gap("lines of a session are missing from the server's log: "+l.Session, l.Line-f.Line-1, l.at, "lines", l.Session, strconv.FormatInt(l.Line, 10))
	}
	f.Line, f.Gone = max(f.Line, l.Line), false
	if l.Database == "" || s.ours(l) {
		return
	}
	switch {
	case strings.HasPrefix(l.Message, toldPrefix):
		s.told(l, f)
	case l.failed():
		s.failure(l, f)
	case l.Context != "": // what a function of somebody writes looks as it likes
	case strings.HasPrefix(l.Message, "AUDIT: "):
		s.audited(l, f)
	default:
		s.stated(l, f)
	}
}

// ours reports whether a line is of stead's own sessions: who logs in as stead's role is stead.
func (s *following) ours(l *readLine) bool {
	return l.User == s.c.conf.role && l.App == s.c.of.Application
}

// told takes in what immuta_system.tell wrote. Anybody can write a line that looks like it, but not from that function.
func (s *following) told(l *readLine, f *followed) {
	e, ok := parseTold(l.Message)
	known := ok && slices.ContainsFunc(s.history[l.Session], func(h entry) bool { return h.at == e.At.String() })
	proven := ok && (strings.HasPrefix(l.Context, toldContext) || known)
	if !proven {
		if l.Context != "" {
			a := s.asked(l, push.AskedForged)
			a.Remarks = []string{"a line of the server's log claims to tell of an impersonation, and was not written by stead's procedure"}
			s.out = append(s.out, a)
		}
		return
	}
	s.close(l.Session)
	f.Event, f.VXID, f.Lost = e, l.VXID, false
	if s.seen[l.Session] == nil {
		s.seen[l.Session] = map[string]bool{}
	}
	s.seen[l.Session][e.At.String()] = true
	a := s.asked(l, push.AskedKind(e.Event))
	a.Subject, a.Name = stead.IdentityID(e.Identity), e.Subject
	if e.Event == string(push.AskedRefused) {
		a.Subject, a.Name = 0, ""
		a.Remarks = append(a.Remarks, "asked for "+strconv.Quote(e.Asked))
	}
	if !known {
		a.Remarks = append(a.Remarks, "its transaction was not committed when the log was read")
	}
	if e.Login != l.User {
		a.Remarks = append(a.Remarks, "by the session authorization "+strconv.Quote(e.Login))
	}
	s.out = append(s.out, a)
}

// asked begins what a line tells of.
func (s *following) asked(l *readLine, kind push.AskedKind) push.Asked {
	login := s.logins[l.User]
	return push.Asked{ID: s.c.id(l.Session, strconv.FormatInt(l.Line, 10)), Query: s.c.id(l.Session, "line", strconv.FormatInt(l.Line, 10)),
		Session: l.Session, Kind: kind, Time: l.at, Login: l.User, Identity: stead.IdentityID(login.identity), Address: l.Host, Application: l.App}
}

// who says in whose stead a line was asked.
func (s *following) who(a *push.Asked, l *readLine, f *followed) {
	login := s.logins[l.User]
	if login.beyond {
		a.Remarks = append(a.Remarks, "the login is outside of row security")
	}
	if login.exempt {
		a.Remarks = append(a.Remarks, "the login is exempt")
	}
	if f.Lost {
		a.Remarks = append(a.Remarks, "nobody: the session's binding was discarded or set by hand")
		return
	}
	if e := f.Event; e != nil && l.inTransaction() && f.VXID == l.VXID {
		if !s.committed(l.Session, e) {
			a.Remarks = append(a.Remarks, "the request was made in the same transaction, which had not been committed when the log was read; "+
				"if it was rolled back to a savepoint before the statement, it does not count")
		}
		if e.Login != l.User {
			a.Remarks = append(a.Remarks, "by the session authorization "+strconv.Quote(e.Login))
		}
		s.stands(a, login, e.Event == "accepted", e.Event == "ended", e.Identity, e.Subject)
		return
	}
	if s.pooled[l.Host] {
		if login.impersonates {
			a.Remarks = append(a.Remarks, "nobody: through a pooler who asks is said in each transaction")
			return
		}
		s.stands(a, login, false, true, 0, "")
		return
	}
	if h := s.last(l); h != nil {
		s.stands(a, login, h.accepted, h.ended, h.subject, h.name)
		return
	}
	s.stands(a, login, false, true, 0, "")
}

func (s *following) committed(session string, e *toldEvent) bool {
	return slices.ContainsFunc(s.history[session], func(h entry) bool { return h.at == e.At.String() })
}

// last is the last request that was committed before a line.
func (s *following) last(l *readLine) *entry {
	list := s.history[l.Session]
	for i := len(list) - 1; i >= 0; i-- {
		if s.seen[l.Session][list[i].at] || !list[i].when.After(l.at) {
			return &list[i]
		}
	}
	return nil
}

// stands fills in the subject: of an accepted request, nobody of a refused one, else the login itself.
func (s *following) stands(a *push.Asked, login loginFacts, accepted, ended bool, subject int64, name string) {
	switch {
	case accepted:
		a.Subject, a.Name, a.Basis = stead.IdentityID(subject), name, stead.ByImpersonation
	case !ended:
		a.Remarks = append(a.Remarks, "nobody: the request to ask in somebody's stead was refused")
	case login.own && login.identity != 0:
		a.Subject, a.Basis = stead.IdentityID(login.identity), stead.ByLogin
	case !login.beyond && !login.exempt:
		a.Remarks = append(a.Remarks, "nobody: the login asks for no identity of its own")
	}
}

// took notices statements that take a session's binding away.
func (s *following) took(text string, l *readLine, f *followed) {
	if endsAll.MatchString(text) && s.last(l) == nil {
		f.Lost = false
	}
	if !loses(text) {
		return
	}
	e := f.Event
	bound := e != nil && e.Event != "ended"
	if e == nil {
		h := s.last(l)
		bound = h != nil && !h.ended
	}
	set := strings.Contains(strings.ToLower(text), "binding") && !resets.MatchString(text)
	f.Lost = bound || set
}

// load reads what the lines must be joined with. The log was read before, so that what it tells of is in the history by
// now, unless its transaction goes on or was rolled back.
func (s *following) load(ctx context.Context, tx pgx.Tx) error {
	s.history, s.logins, s.pooled = map[string][]entry{}, map[string]loginFacts{}, map[string]bool{}
	var pids []int32
	var starts, hosts, users []string
	for _, name := range s.c.sessionsOf() {
		l := &logLine{Session: name}
		start, pid, _ := l.session()
		pids, starts = append(pids, int32(pid)), append(starts, strconv.FormatInt(start, 10))
	}
	for _, l := range s.c.lines {
		hosts, users = append(hosts, l.Host), append(users, l.User)
	}
	slices.Sort(hosts)
	slices.Sort(users)
	rows, err := tx.Query(ctx, `SELECT h.pid, s.start, extract(epoch FROM h.at)::text, h.at, coalesce(h.subject, 0), coalesce(i.iam || ':' || i.name, ''), h.accepted, h.ended
		FROM unnest($1::int[], $2::bigint[]) s(pid, start) JOIN immuta_system.impersonation h
			ON h.pid = s.pid AND h.backend_start >= to_timestamp(s.start) AND h.backend_start < to_timestamp(s.start + 1)
		LEFT JOIN immuta_system.identity i ON i.id = h.subject ORDER BY h.id`, pids, starts)
	if err := server.Each(rows, err, func(r pgx.Rows) error {
		var pid, start int64
		var h entry
		if err := r.Scan(&pid, &start, &h.at, &h.when, &h.subject, &h.name, &h.accepted, &h.ended); err != nil {
			return err
		}
		name := strconv.FormatInt(start, 16) + "." + strconv.FormatInt(pid, 16)
		s.history[name] = append(s.history[name], h)
		return nil
	}); err != nil {
		return err
	}
	if err := s.loadLogins(ctx, tx, slices.Compact(users)); err != nil {
		return err
	}
	rows, err = tx.Query(ctx, `SELECT h FROM unnest($1::text[]) h WHERE EXISTS (SELECT FROM immuta_system.pooler p
		WHERE CASE WHEN h IN ('', '[local]') THEN inet '0.0.0.0' WHEN h ~ '^[0-9a-fA-F:.]+$' THEN h::inet END <<= p.address)`, slices.Compact(hosts))
	if err := server.Each(rows, err, func(r pgx.Rows) error {
		var h string
		err := r.Scan(&h)
		s.pooled[h] = true
		return err
	}); err != nil {
		return err
	}
	return s.loadRelations(ctx, tx)
}

func (s *following) loadLogins(ctx context.Context, tx pgx.Tx, users []string) error {
	rows, err := tx.Query(ctx, `SELECT r.rolname::text, coalesce(l.identity, 0), coalesce(l.own, false), coalesce(l.exempt, false),
			r.rolsuper OR r.rolbypassrls OR pg_has_role(r.oid, 'immuta_owner', 'MEMBER'), $2 <> '' AND pg_has_role(r.oid, g.oid, 'MEMBER')
		FROM pg_roles r LEFT JOIN immuta_system.login l ON l.role = r.rolname::text LEFT JOIN pg_roles g ON g.rolname = $2
		WHERE r.rolname::text = ANY ($1::text[])`, users, s.c.of.ImpersonationRole)
	return server.Each(rows, err, func(r pgx.Rows) error {
		var name string
		var f loginFacts
		var impersonates *bool
		err := r.Scan(&name, &f.identity, &f.own, &f.exempt, &f.beyond, &impersonates)
		f.impersonates = impersonates != nil && *impersonates
		s.logins[name] = f
		return err
	})
}

// forget leaves sessions out whose backend was gone already when all was read the last time.
func (s *following) forget(ctx context.Context, tx pgx.Tx) error {
	alive := map[int]bool{}
	rows, err := tx.Query(ctx, `SELECT pid FROM pg_stat_get_activity(NULL)`)
	if err := server.Each(rows, err, func(r pgx.Rows) error {
		var pid int
		err := r.Scan(&pid)
		alive[pid] = true
		return err
	}); err != nil {
		return err
	}
	for name, f := range s.at {
		l := &logLine{Session: name}
		if _, pid, _ := l.session(); alive[pid] {
			continue
		}
		if f.Gone {
			delete(s.at, name)
		}
		f.Gone = true
	}
	return nil
}
