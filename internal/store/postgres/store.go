// Package postgres keeps the governed world in a PostgreSQL database (15 or newer), for several servers at
// once. One lock orders the commits of all of them, so that the order of revisions is the order of commits.
package postgres

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"stead"
	"stead/internal/store"
)

// Nothing waits for the database for longer than this.
const (
	connectTime = 5 * time.Second
	lockTime    = 10 * time.Second // for the turn to write
	upgradeTime = 10 * time.Minute
	// idleTime ends transactions of a server that stands still, so that others can write.
	idleTime = 30 * time.Second

	poolSize = 16
	// logKeep is how many revisions the change log reaches back at least.
	logKeep = 100_000
	// trimEvery is how often, in revisions, the log is trimmed.
	trimEvery = 1_000
)

// limits are the longest times that the database may take: ask for one statement, read for a whole list.
type limits struct{ ask, read time.Duration }

var usual = limits{ask: 15 * time.Second, read: 2 * time.Minute}

// Options say who opens the store.
type Options struct {
	// Password is that of the database role, if the address and the environment (PGPASSWORD, PGPASSFILE) do not
	// give it.
	Password string
	// Server names this server among those that use the store at once. Default "main".
	Server string
	// Failed, if set, hears why the store is not followed at present.
	Failed func(error)
}

// Store is the store in one database.
type Store struct {
	pool *pgxpool.Pool
	conf *pgx.ConnConfig // of the connection that listens
	opt  Options
	keep int64
	limits
	// deaf leaves out what commits of others tell; tests see that asking is enough.
	deaf bool

	// turn is held by whoever writes: the others of this process wait here, not on connections that readers need.
	turn chan struct{}
	// held says that nobody else has this server's name at the store.
	held atomic.Bool
	stop context.CancelFunc
	// background is what Close waits for.
	background sync.WaitGroup

	watchers store.Watchers
}

var _ store.Store = (*Store)(nil)

// Open opens the store that an address names (a postgres:// URL or key=value words), makes its tables if
// there are none, and upgrades an older format. It refuses a format that this version must not use
// (stead.Unsupported), a standby, and a name that another running server has at the store (stead.Conflict).
func Open(ctx context.Context, address string, opt Options) (*Store, error) {
	return open(ctx, address, opt, steps, func(*Store) {})
}

// open opens a store of a version that has the steps, which change alters before it is used.
func open(ctx context.Context, address string, opt Options, steps []step, change func(*Store)) (*Store, error) {
	conf, err := parse(address, opt.Password)
	if err != nil {
		return nil, err
	}
	if opt.Server == "" {
		opt.Server = "main"
	}
	if err := prepare(ctx, conf, steps); err != nil {
		return nil, err
	}
	s := &Store{conf: conf, opt: opt, keep: logKeep, limits: usual, turn: make(chan struct{}, 1)}
	change(s)
	if s.pool, err = s.newPool(ctx); err != nil {
		return nil, translate(ctx, err)
	}
	following, stop := context.WithCancel(context.Background())
	s.stop = stop
	first, err := s.listen(ctx)
	if err != nil {
		return nil, errors.Join(translate(ctx, err), s.Close())
	}
	s.background.Go(func() { s.follow(following, first) })
	return s, nil
}

// Check says what is wrong with an address, without going there.
func Check(address string) error {
	_, err := parse(address, "")
	return err
}

// parse reads an address. A password in it is refused: addresses are shown.
func parse(address, password string) (*pgx.ConnConfig, error) {
	refuse := func(format string, args ...any) error {
		return stead.Errorf(stead.Invalid, "the address of the store "+format, args...).
			WithHint("give one like postgres://stead@db.example.com/stead?sslmode=verify-full")
	}
	conf, err := pgx.ParseConfig(address)
	if err != nil { // its text has the address
		return nil, refuse("cannot be read as that of a PostgreSQL database")
	}
	if given(address) {
		return nil, refuse("has a password in it; set it as the credential \"store\", or in PGPASSWORD or a file that PGPASSFILE names")
	}
	if password != "" {
		conf.Password = password
	}
	if conf.TLSConfig != nil && !strings.Contains(address, "sslmode") {
		conf.Fallbacks = secure(conf)
	}
	for _, f := range conf.Fallbacks { // of several hosts the one that takes changes
		if f.Host != conf.Host && conf.ValidateConnect == nil {
			conf.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
		}
	}
	conf.ConnectTimeout = connectTime
	// Names and operators are those of the system, whatever the role has set.
	for name, value := range map[string]string{"search_path": "pg_catalog", "application_name": "stead", "timezone": "UTC",
		"statement_timeout":                   millis(usual.read),
		"lock_timeout":                        millis(lockTime),
		"idle_in_transaction_session_timeout": millis(idleTime),
		"tcp_keepalives_idle":                 "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3"} {
		conf.RuntimeParams[name] = value
	}
	return conf, nil
}

// given reports whether the address itself, not the environment, has a password.
func given(address string) bool {
	const probe = "postgres://"
	if rest, ok := strings.CutPrefix(strings.Replace(address, "postgresql://", probe, 1), probe); ok {
		authority, _, _ := strings.Cut(rest, "/")
		if at := strings.LastIndex(authority, "@"); at >= 0 && strings.Contains(authority[:at], ":") {
			return true
		}
	}
	lower := strings.ToLower(address)
	return strings.Contains(lower, "password=") || strings.Contains(lower, "password =")
}

// secure keeps the ways to connect that are encrypted or stay on this machine.
func secure(conf *pgx.ConnConfig) (out []*pgconn.FallbackConfig) {
	for _, f := range conf.Fallbacks {
		ip := net.ParseIP(f.Host)
		local := strings.HasPrefix(f.Host, "/") || f.Host == "localhost" || ip != nil && ip.IsLoopback()
		if f.TLSConfig != nil || local {
			out = append(out, f)
		}
	}
	return out
}

func (s *Store) newPool(ctx context.Context) (*pgxpool.Pool, error) {
	conf, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, err
	}
	conf.ConnConfig = s.conf.Copy()
	conf.MaxConns = poolSize
	conf.MinIdleConns = 1
	conf.PingTimeout = connectTime
	conf.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		return bounded(ctx, s.ask, func(ctx context.Context) error { return ready(ctx, c) })
	}
	return pgxpool.NewWithConfig(ctx, conf)
}

// Close closes the store.
func (s *Store) Close() error {
	if s.stop != nil {
		s.stop()
	}
	s.background.Wait()
	s.pool.Close()
	return nil
}

// acquire takes a connection from the pool.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.ask)
	defer cancel()
	return s.pool.Acquire(ctx)
}

// Revision implements store.Store.
func (s *Store) Revision(ctx context.Context) (rev stead.Revision, err error) {
	err = s.direct(ctx, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, "SELECT value FROM stead.counters WHERE name = $1", store.RevisionCounter).Scan(&rev)
	})
	return rev, err
}

// bounded runs fn for no longer than a time.
func bounded(ctx context.Context, most time.Duration, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return fn(ctx)
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
