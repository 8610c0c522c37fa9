package governed

import (
	"stead/internal/gateway"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/pgtype"
	"stead/internal/gateway/pgvalue"
)

// chunk presents the engine's current chunk as rows on the wire.
type chunk struct {
	rows *duck.Rows
	oids []uint32
	n    int
}

func newChunk(rows *duck.Rows, cols []gateway.Column) *chunk {
	c := &chunk{rows: rows}
	for _, col := range cols {
		c.oids = append(c.oids, col.OID)
	}
	return c
}

// Len is the number of rows.
func (c *chunk) Len() int { return c.n }

// Append writes one value; ok is false for NULL.
func (c *chunk) Append(dst []byte, col, row int, f pgvalue.Format) ([]byte, bool, error) {
	v := c.rows.Column(col)
	if v.Null(row) {
		return dst, false, nil
	}
	dst, err := pgvalue.Append(dst, v, row, c.oids[col], f)
	return dst, true, err
}

// columnsOf describes the engine's columns to a client.
func columnsOf(cols []duck.Column) []gateway.Column {
	out := make([]gateway.Column, len(cols))
	for i, c := range cols {
		t := pgvalue.TypeOf(c.Type)
		out[i] = gateway.Column{Name: c.Name, OID: t.OID, Size: t.Size, Mod: t.Mod}
	}
	return out
}

// catalogueColumns describes the columns of a catalogue answer. Its lists of wide numbers are lists of
// object identifiers, and sent as such: asyncpg, which looks up other lists with a statement that
// answers with one of these, would look it up for ever.
func catalogueColumns(cols []duck.Column) []gateway.Column {
	out := columnsOf(cols)
	for i := range out {
		out[i].OID = catalogueType(out[i].OID)
	}
	return out
}

func catalogueType(oid uint32) uint32 {
	if elem, _ := pgtype.Known(oid); elem == pgtype.Int8 {
		return pgtype.OIDs
	}
	return oid
}
