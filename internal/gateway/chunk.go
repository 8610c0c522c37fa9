package gateway

import (
	"stead/internal/gateway/duck"
	"stead/internal/gateway/pgtype"
	"stead/internal/gateway/pgvalue"
)

// duckChunk presents the engine's current chunk as rows on the wire.
type duckChunk struct {
	rows *duck.Rows
	oids []uint32
	n    int
}

func newDuckChunk(rows *duck.Rows, cols []Column) *duckChunk {
	c := &duckChunk{rows: rows}
	for _, col := range cols {
		c.oids = append(c.oids, col.OID)
	}
	return c
}

// Len is the number of rows.
func (c *duckChunk) Len() int { return c.n }

// Append writes one value; ok is false for NULL.
func (c *duckChunk) Append(dst []byte, col, row int, f pgvalue.Format) ([]byte, bool, error) {
	v := c.rows.Column(col)
	if v.Null(row) {
		return dst, false, nil
	}
	dst, err := pgvalue.Append(dst, v, row, c.oids[col], f)
	return dst, true, err
}

// columnsOf describes the engine's columns to a client.
func columnsOf(cols []duck.Column) []Column {
	out := make([]Column, len(cols))
	for i, c := range cols {
		t := pgvalue.TypeOf(c.Type)
		out[i] = Column{Name: c.Name, OID: t.OID, Size: t.Size, Mod: t.Mod}
	}
	return out
}

// catalogueColumns describes the columns of a catalogue answer. Its lists of wide numbers are lists of
// object identifiers, and sent as such: asyncpg, which looks up other lists with a statement that
// answers with one of these, would look it up for ever.
func catalogueColumns(cols []duck.Column) []Column {
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
