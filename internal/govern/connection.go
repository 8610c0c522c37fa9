package govern

import (
	"context"

	"stead"
	"stead/internal/store"
)

// PutConnection creates a connection or replaces it; the key finds it. Disabling it is its kill switch. For
// APPLICATION_ADMIN.
type PutConnection struct{ Connection stead.Connection }

// DeleteConnection deletes a connection that has no data sources any more. For APPLICATION_ADMIN.
type DeleteConnection struct{ Key string }

func (e PutConnection) apply(ctx context.Context, t *tx) (Outcome, error) {
	if err := t.need("change connections", stead.ApplicationAdmin); err != nil {
		return Outcome{}, err
	}
	c := e.Connection
	if err := checkConnection(&c); err != nil {
		return Outcome{}, err
	}
	old, row, err := find[stead.Connection](ctx, t, store.Connections, c.Key)
	if err != nil {
		return Outcome{}, err
	}
	if old != nil && old.Platform != c.Platform {
		return Outcome{}, stead.Errorf(stead.Conflict, "connection %q is of platform %q and stays so", c.Key, old.Platform).
			WithHint("make a new connection")
	}
	if old != nil {
		c.Bundle = old.Bundle
	}
	o, err := put(ctx, t, store.Connections, row, c.Key, c.Key, &c)
	if err != nil {
		return o, err
	}
	o.Warnings = platformWarnings(&c)
	if o.Op != Update {
		return t.done(ctx, o)
	}
	if old.Disabled && !c.Disabled {
		o.Widens = append(o.Widens, "is switched on again")
	}
	if old.Address != c.Address || old.Credential != c.Credential {
		o.Widens = append(o.Widens, "points at other data, which its tables' policies were not written for")
	}
	o.Widens = append(o.Widens, platformWidens(old, &c)...)
	return t.done(ctx, o)
}

func checkConnection(c *stead.Connection) error {
	if err := checkKey("key", c.Key); err != nil {
		return err
	}
	switch c.Platform {
	case stead.Embedded:
	case stead.PostgreSQL:
		return checkPostgres(c)
	case stead.Redshift, stead.Snowflake, stead.Databricks, stead.Spark, stead.Synapse, stead.Trino:
		return stead.Errorf(stead.Unsupported, "connections of platform %q are not offered yet", c.Platform).
			At(stead.Place{Path: "platform"}).WithHint("use platform %q or %q", stead.Embedded, stead.PostgreSQL)
	default:
		return invalid("platform", "platform %q is not known", shorten(string(c.Platform))).WithHint("use platform %q or %q", stead.Embedded, stead.PostgreSQL)
	}
	if c.Address == "" {
		return invalid("address", "is missing").WithHint("name a folder of Parquet, CSV and JSON files, or a DuckDB database file")
	}
	if err := checkText("address", c.Address, 4096); err != nil {
		return err
	}
	if len(c.Settings) > 0 {
		return invalid("settings", "platform %q has no settings", c.Platform)
	}
	if c.Credential != "" {
		return invalid("credential", "platform %q takes no credential", c.Platform)
	}
	c.Settings = nil
	return nil
}

func (e DeleteConnection) apply(ctx context.Context, t *tx) (Outcome, error) {
	if err := t.need("delete connections", stead.ApplicationAdmin); err != nil {
		return Outcome{}, err
	}
	c, row, err := find[stead.Connection](ctx, t, store.Connections, e.Key)
	if err == nil && c == nil {
		err = missing(store.Connections, e.Key)
	}
	if err != nil {
		return Outcome{}, err
	}
	err = every(ctx, t, store.DataSources, func(_ store.Row, d *stead.DataSource) error {
		if d.Connection != c.Key {
			return nil
		}
		return stead.Errorf(stead.Conflict, "connection %q still has data sources, for example %s", c.Key, d.Object()).
			WithHint("delete its data sources first")
	})
	if err != nil {
		return Outcome{}, err
	}
	o, err := remove(ctx, t, store.Connections, row, c.Key)
	if err != nil {
		return o, err
	}
	if pushed(c.Platform) {
		o.Warnings = append(o.Warnings, "what stead made on its platform stays there, and what was closed stays closed")
		if !c.Disabled {
			o.Warnings = append(o.Warnings, "it was not disabled first: it is switched off on its platform only while a server runs and reaches it. "+
				"Unless its status says off, put the row off into immuta_system.switch there: nothing is withdrawn there any more")
		}
	}
	return t.done(ctx, o)
}
