package cli

import (
	"fmt"

	"stead"
	"stead/client"
	"stead/internal/store"
)

// done prints what a change did.
func (e *env) done(c *client.Change, err error) error {
	if err != nil {
		return err
	}
	if e.output == "json" {
		return e.printJSON(c)
	}
	word := map[string]string{"create": "created", "update": "updated", "delete": "deleted", "none": "unchanged"}[c.Op]
	if word == "" {
		word = c.Op
	}
	fmt.Fprintf(e.out, "%s %s: %s\n", store.Noun(c.Noun).Words(), printable(c.Key), word)
	for _, w := range c.Widens {
		fmt.Fprintf(e.out, "  ! %s\n", printable(w))
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(e.out, "  ? %s\n", printable(w))
	}
	if c.Pending {
		fmt.Fprintln(e.err, "stored, and not in effect on this server yet")
	}
	return nil
}

// create puts a document that must not exist yet.
func (e *env) create(put func(client.With) (*client.Change, error)) error {
	would, err := put(client.With{DryRun: true})
	if err != nil {
		return err
	}
	if would.Op != "create" {
		return stead.Errorf(stead.Conflict, "%s %s exists already", store.Noun(would.Noun).Words(), would.Key).
			WithHint("show it, or change it with the other commands or a bundle")
	}
	return e.done(put(client.With{}))
}

// alter changes a document that was read, and puts it back unless somebody else changed it meanwhile.
func alter[T any](e *env, doc *T, version string, err error, change func(*T), put func(T, client.With) (*client.Change, error)) error {
	if err != nil {
		return err
	}
	change(doc)
	return e.done(put(*doc, client.With{Version: version}))
}
