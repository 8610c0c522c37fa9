package gateway

import (
	"crypto/tls"
	"log/slog"
	"time"

	"stead"
	"stead/internal/session"
)

// Config is what a Server needs. SignIn, Sessions and Connection must be set.
type Config struct {
	SignIn   session.SignIn
	Sessions Opener
	// Connection maps the start-up parameters database and user to the key of the connection that
	// is asked on; false refuses them.
	Connection func(database, user string) (key string, ok bool)
	// TLS is offered when set. Without it clients that insist on TLS are turned away.
	TLS *tls.Config
	// RequireTLS refuses clients that do not use TLS.
	RequireTLS bool
	// IAM in which a user name without a prefix is looked up; the default IAM when empty.
	IAM string
	// Namespace of stead's own settings, "immuta" when empty: SET immuta.impersonate.user = ...
	Namespace string
	Limits    Limits
	Log       *slog.Logger
	Metrics   Metrics
}

// Limits bound what clients can take. A zero member means its default.
type Limits struct {
	Connections     int           // in all
	PerIdentity     int           // by one login
	StartUp         time.Duration // until signed in
	Message         time.Duration // between a message's first byte and its last
	Idle            time.Duration // between messages
	Write           time.Duration // for a client to take 64 KiB
	Statement       time.Duration // per statement; the client may ask for less
	MessageBytes    int
	Statements      int // prepared, per connection
	Portals         int // open, per connection
	OpenAnswers     int // suspended portals and cursors that hold an engine connection
	ResultRows      int64
	ResultBytes     int64
	SettingBytes    int // length of a setting's value
	BatchStatements int // in one simple query
}

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	dur := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Connections, 500)
	def(&l.PerIdentity, 100)
	dur(&l.StartUp, 20*time.Second)
	dur(&l.Message, time.Minute)
	dur(&l.Idle, 8*time.Hour)
	dur(&l.Write, 5*time.Minute)
	dur(&l.Statement, 10*time.Minute)
	def(&l.MessageBytes, 16<<20)
	def(&l.Statements, 2000)
	def(&l.Portals, 1000)
	def(&l.OpenAnswers, 8)
	def(&l.SettingBytes, 1024)
	def(&l.BatchStatements, 1000)
	return l
}

func (c Config) withDefaults() Config {
	if c.IAM == "" {
		c.IAM = stead.DefaultIAM
	}
	if c.Namespace == "" {
		c.Namespace = "immuta"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = noMetrics{}
	}
	c.Limits = c.Limits.withDefaults()
	return c
}

type noMetrics struct{}

func (noMetrics) Connection(int)                   {}
func (noMetrics) SignIn(bool)                      {}
func (noMetrics) Statement(string, int64, float64) {}
