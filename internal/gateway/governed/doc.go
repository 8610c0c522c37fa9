// Package governed opens the sessions behind the wire, whose every statement is decided, rewritten,
// recorded and only then run. It knows the engines; the wire knows only gateway's contract.
package governed
