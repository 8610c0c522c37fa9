// Package collect reads what was asked of a governed database from its server's log: lines of pgaudit or of the server itself,
// joined with the history of impersonation.
package collect

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"stead"
	"stead/internal/push"
	"stead/internal/push/postgres/server"
)

// Database is whose server's log is read.
type Database struct {
	Pool *pgxpool.Pool
	// Connection is the connection's key: what was asked on another one never has the same id.
	Connection string
	// Application is the application_name of stead's own sessions, whose statements are left out.
	Application string
	// ImpersonationRole is the role whose members ask in somebody's stead.
	ImpersonationRole string
	// Views names the schema of the masking views of a schema's tables.
	Views func(schema string) string
}

// collectBytes is how much of the log is read at once.
const collectBytes = 4 << 20

// position is how far the log is read. It is kept in immuta_system.collected, whose row is locked by who collects.
type position struct {
	Format string               `json:"format,omitempty"`
	Files  map[string]*filePart `json:"files,omitempty"`
	// Pending are the ends up to which each file is being read: who reads them again gets the same lines.
	Pending  map[string]int64     `json:"pending,omitempty"`
	Sessions map[string]*followed `json:"sessions,omitempty"`
	// Boot is when the server started and Told what its log told of that, in seconds since 1970.
	Boot   float64 `json:"boot,omitempty"`
	Told   int64   `json:"told,omitempty"`
	Booted bool    `json:"booted,omitempty"`
	// From: lines of before are left out.
	From time.Time `json:"from,omitzero"`
	// Missing is why nothing is known of statements, and of what since Last.
	Missing string    `json:"missing,omitempty"`
	Last    time.Time `json:"last,omitzero"`
	// Count numbers what is noted without a line of the log.
	Count int64 `json:"count,omitempty"`
}

// collecting is one round.
type collecting struct {
	of    *Database
	noted string // what the row holds
	since time.Time
	at    position
	conf  logSettings
	again bool
	lines []readLine
	gaps  []push.Gap
	fresh map[string]*filePart // files after what is pending was read
	stay  map[string]int64     // what stays pending
	left  int64
}

// readLine is a line that was read, nil where it could not be.
type readLine struct {
	*logLine
	at time.Time
}

// Collect is push.Collector's. The server's log is read through SQL, which takes pg_monitor and the rights to
// execute pg_current_logfile and pg_read_binary_file. It returns stead.Unavailable while stead's own objects are not there.
func (d *Database) Collect(ctx context.Context, keep func(context.Context, push.Batch) error) (push.Reach, error) {
	for {
		c := &collecting{of: d}
		reach, more, err := c.round(ctx, keep)
		if err != nil || !more {
			return reach, err
		}
	}
}

// round reads one batch: first it notes up to where, then it hands the batch over and notes that it is done.
func (c *collecting) round(ctx context.Context, keep func(context.Context, push.Batch) error) (push.Reach, bool, error) {
	mine, err := c.begin(ctx)
	if err != nil || !mine {
		return push.Reach{Elsewhere: err == nil}, false, err
	}
	more := false
	err = c.locked(ctx, func(tx pgx.Tx, now string) error {
		if now != c.noted {
			mine = false // somebody else goes on from what was noted
			return nil
		}
		batch, err := c.batch(ctx, tx)
		if err != nil {
			return err
		}
		if len(batch.Asked)+len(batch.Gaps) > 0 {
			if err := keep(ctx, batch); err != nil {
				return err
			}
		}
		more = len(c.at.Pending) > 0
		c.at.Files, c.at.Pending = c.fresh, c.stay
		return c.note(ctx, tx, c.at)
	})
	if err == errCollectedElsewhere {
		return push.Reach{Elsewhere: true}, false, nil
	}
	if err != nil || !mine {
		return push.Reach{Elsewhere: err == nil}, false, err
	}
	return push.Reach{From: c.conf.from, Missing: c.at.Missing, Behind: c.left, Last: c.at.Last}, more && c.left > 0, nil
}

// begin reads what comes next and notes up to where that is; false when another process collects.
func (c *collecting) begin(ctx context.Context) (mine bool, err error) {
	mine = true
	err = c.locked(ctx, func(tx pgx.Tx, now string) error {
		before := position{}
		for _, p := range []*position{&c.at, &before} {
			if err := json.Unmarshal([]byte(cmp.Or(now, "{}")), p); err != nil {
				return stead.Errorf(stead.Internal, "how far the server's log was read cannot be told").
					WithHint("UPDATE immuta_system.collected SET position = '' reads it anew").WithCause(err)
			}
		}
		c.noted, c.again = now, len(c.at.Pending) > 0
		if c.at.From.After(c.since) {
			c.since = c.at.From
		}
		if err := c.settings(ctx, tx); err != nil {
			return err
		}
		if err := c.read(ctx, tx); err != nil {
			return err
		}
		if len(c.at.Pending) == 0 || c.again {
			return nil
		}
		before.Pending = c.at.Pending // all else is as it was, so that it is found again
		return c.note(ctx, tx, before)
	})
	if err == errCollectedElsewhere {
		return false, nil
	}
	return mine, err
}

var errCollectedElsewhere = stead.Errorf(stead.Conflict, "another process collects from the server's log")

// sqlQuietly keeps our own statements out of the log that we read, where we may: else each look would make more to look at.
const sqlQuietly = `SELECT set_config(s.name, s.value, false) FROM (VALUES ('log_statement', 'none'), ('log_min_duration_statement', '-1'), ('pgaudit.log', 'none')) s(name, value)
	WHERE current_setting(s.name, true) <> s.value AND has_parameter_privilege(s.name, 'SET')`

// locked runs f in a transaction that alone may collect.
func (c *collecting) locked(ctx context.Context, f func(tx pgx.Tx, now string) error) error {
	conn, err := c.of.Pool.Acquire(ctx)
	if err != nil {
		return server.Fault(err, "the PostgreSQL server cannot be reached")
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, sqlQuietly); err != nil {
		return server.Fault(err, "the server's log cannot be collected")
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return server.Fault(err, "the PostgreSQL server cannot be reached")
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // nothing to lose
	// What was noted must outlive the server, or it is collected twice.
	if _, err := tx.Exec(ctx, `SET LOCAL synchronous_commit = on`); err != nil {
		return server.Fault(err, "the server's log cannot be collected")
	}
	var there bool
	if err := tx.QueryRow(ctx, `SELECT to_regclass('immuta_system.collected') IS NOT NULL`).Scan(&there); err != nil {
		return server.Fault(err, "the server's log cannot be collected")
	}
	if !there {
		return stead.Errorf(stead.Unavailable, "stead's own objects are not on the platform yet").WithHint("apply the connection with bootstrap")
	}
	var now string
	err = tx.QueryRow(ctx, `SELECT position, since FROM immuta_system.collected FOR UPDATE SKIP LOCKED`).Scan(&now, &c.since)
	if err == pgx.ErrNoRows {
		return errCollectedElsewhere
	}
	if err != nil {
		return server.Fault(err, "the server's log cannot be collected")
	}
	if err := f(tx, now); err != nil {
		e := server.Fault(err, "the server's log cannot be read")
		if e.Code == stead.Denied {
			e.Hint += "; grant it pg_monitor, and EXECUTE on the functions pg_current_logfile(text) and pg_read_binary_file(text, bigint, bigint, boolean)"
		}
		return e
	}
	if err := tx.Commit(ctx); err != nil {
		return server.Fault(err, "how far the server's log was read cannot be noted")
	}
	return nil
}

// note writes the position down.
func (c *collecting) note(ctx context.Context, tx pgx.Tx, at position) error {
	b, err := json.Marshal(at)
	if err != nil {
		return err
	}
	if string(b) == c.noted {
		return nil
	}
	_, err = tx.Exec(ctx, `UPDATE immuta_system.collected SET position = $1`, string(b))
	c.noted = string(b)
	return err
}

// gap notes that something was not seen. What is the same gap has the same place.
func (c *collecting) gap(what string, lines int64, at time.Time, place ...string) {
	if at.IsZero() {
		at = c.at.Last // from there on
	}
	if at.Before(c.since) {
		at = c.since
	}
	c.gaps = append(c.gaps, push.Gap{ID: c.id(append([]string{"gap"}, place...)...), Time: at, What: what, Lines: lines})
}

// count is a place for what has none in the log.
func (c *collecting) count() string {
	c.at.Count++
	return strconv.FormatInt(c.at.Count, 10)
}

// logSettings is how the server logs.
type logSettings struct {
	format  *logFormat
	current string // file that is written now
	folder  string
	zone    string
	boot    float64
	from    string
	missing string
	audit   bool // lines of pgaudit count
	role    string
}

// settings asks the server how it logs.
func (c *collecting) settings(ctx context.Context, tx pgx.Tx) error {
	var on, database string
	var json, csv *string
	set := map[string]string{}
	err := tx.QueryRow(ctx, `SELECT current_setting('logging_collector'), current_setting('log_directory'), current_setting('log_timezone'),
		pg_current_logfile('jsonlog'), pg_current_logfile('csvlog'), extract(epoch FROM pg_postmaster_start_time())::float8, current_user::text, current_database()::text`).
		Scan(&on, &c.conf.folder, &c.conf.zone, &json, &csv, &c.conf.boot, &c.conf.role, &database)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT name, reset_val FROM pg_settings WHERE name IN ('pgaudit.log', 'pgaudit.role', 'log_statement', 'log_min_duration_statement',
		'lc_messages', 'log_min_messages', 'log_error_verbosity')`)
	if err := server.Each(rows, err, func(r pgx.Rows) error {
		var name, value string
		err := r.Scan(&name, &value)
		set[name] = value
		return err
	}); err != nil {
		return err
	}
	switch {
	case on != "on":
		c.conf.missing = "the server keeps no log of its own: set logging_collector = on and log_destination = 'jsonlog' or 'csvlog'"
	case json != nil:
		c.conf.format, c.conf.current = &logFormats[0], base(*json)
	case csv != nil:
		c.conf.format, c.conf.current = &logFormats[1], base(*csv)
	default:
		c.conf.missing = "the server's log is only in a form that is not read: set log_destination = 'jsonlog' or 'csvlog'"
	}
	c.conf.statements(set)
	return nil
}

// Statements are known from pgaudit where it is there, else from the server's own lines.
func (l *logSettings) statements(set map[string]string) {
	_, l.audit = set["pgaudit.log"]
	l.audit = l.audit && (auditsReads(set["pgaudit.log"]) || set["pgaudit.role"] != "")
	english := regexp.MustCompile(`^(C|POSIX|en)([._].*)?$`).MatchString(set["lc_messages"])
	why := ""
	switch {
	case set["log_min_messages"] == "fatal" || set["log_min_messages"] == "panic":
		why = "log_min_messages leaves out all that tells of statements: set it to warning"
	case set["log_error_verbosity"] == "terse":
		why = "log_error_verbosity leaves out where a line was written, so that anybody could write it: set it to default"
	case !english:
		why = "the server's messages are in a language that is not read: set lc_messages = 'C'"
	case l.audit && auditsReads(set["pgaudit.log"]):
		l.from = "pgaudit"
	case l.audit:
		l.from = "pgaudit, of what the role " + set["pgaudit.role"] + " may use"
	case set["log_statement"] == "all":
		l.from = "log_statement"
	case set["log_min_duration_statement"] == "0":
		l.from = "log_min_duration_statement"
	default:
		why = "statements that read are not logged: load pgaudit with pgaudit.log = 'read, write, function, role, ddl, misc' and pgaudit.log_relation = on, or set log_statement = 'all'"
	}
	if l.missing == "" {
		l.missing = why
	}
	if l.missing != "" {
		l.from = ""
	}
}

func auditsReads(classes string) bool {
	reads := false
	for _, class := range server.Names(classes) {
		switch class {
		case "all", "read":
			reads = true
		case "-all", "-read", "none":
			reads = false
		}
	}
	return reads
}

// batch makes what was read into what was asked. The caller collects alone.
func (c *collecting) batch(ctx context.Context, tx pgx.Tx) (push.Batch, error) {
	c.changes()
	s := &following{c: c, at: map[string]*followed{}}
	for name, f := range c.at.Sessions {
		s.at[name] = f
	}
	asked, err := s.follow(ctx, tx)
	if err != nil {
		return push.Batch{}, err
	}
	c.at.Sessions = s.at
	if c.left == 0 {
		if err := s.forget(ctx, tx); err != nil {
			return push.Batch{}, err
		}
		c.restarted()
	}
	return push.Batch{Asked: asked, Gaps: c.gaps, Again: c.again}, nil
}

// changes tells when statements begin or cease to be logged.
func (c *collecting) changes() {
	if c.conf.missing == c.at.Missing {
		return
	}
	if c.conf.missing != "" {
		c.gap("from here on statements are not known: "+c.conf.missing, 0, time.Time{}, "missing", c.count())
	} else {
		c.gap("statements are known again, from "+c.conf.from+"; the last line before was of "+c.at.Last.Format(time.RFC3339), 0, time.Time{}, "missing", c.count())
	}
	c.at.Missing = c.conf.missing
}

// restarted looks, when all is read, whether the log told of the last start of the server.
func (c *collecting) restarted() {
	told := float64(c.at.Told) > c.conf.boot-60 && float64(c.at.Told) < c.conf.boot+2
	switch {
	case c.at.Boot == 0: // it ran before we came
		c.at.Boot, c.at.Booted = c.conf.boot, true
	case c.at.Boot != c.conf.boot: // its lines may still be on their way
		c.at.Boot, c.at.Booted = c.conf.boot, told
	case !c.at.Booted:
		if !told {
			c.gap("the server was started at "+time.Unix(int64(c.conf.boot), 0).UTC().Format(time.RFC3339)+" and its log does not tell of that: what was asked before or after may be missing",
				0, time.Time{}, "boot", strconv.FormatFloat(c.conf.boot, 'f', -1, 64))
		}
		c.at.Booted = true
	}
}

// sessionsOf are the sessions of the lines that were read, sorted.
func (c *collecting) sessionsOf() []string {
	set := map[string]bool{}
	for _, l := range c.lines {
		if l.logLine != nil {
			set[l.Session] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
