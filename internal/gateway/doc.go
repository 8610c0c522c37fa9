// Package gateway is a server of the PostgreSQL wire protocol. It proves who connects, keeps
// the state that clients expect of a PostgreSQL session, and carries answers; who may see what
// is asked of a Session on every statement and every Execute. It knows no rule of its own.
package gateway
