package gateway

import "stead/internal/gateway/duck"

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
func (c *duckChunk) Append(dst []byte, col, row int, f Format) ([]byte, bool, error) {
	v := c.rows.Column(col)
	if v.Null(row) {
		return dst, false, nil
	}
	dst, err := value(dst, v, row, c.oids[col], f)
	return dst, true, err
}
