package decide

import (
	"crypto/sha256"
	"encoding/binary"
	"math"

	"stead"
	"stead/policy/expr"
)

// fingerprint hashes what the answer depends on: the source as it is defined, the verdict, the folded condition and
// masks with the ids of their keys. Who asked and when is in it only as far as it changed these.
func fingerprint(q *question) stead.Fingerprint {
	var room [1024]byte
	b := append(room[:0], "stead decision 1\x00"...)
	b = appendText(b, q.conn.Key)
	b = appendText(b, string(q.conn.Platform))
	b = appendText(b, q.conn.Address)
	b = append(b, q.r.digest...)
	b = append(b, byte(q.d.Operation), byte(q.d.Verdict), byte(q.d.Rows.Extent))
	b = appendNode(b, q.d.Rows.When)
	for i := range q.d.Columns {
		b = append(b, byte(q.d.Columns[i].Access))
		b = appendNode(b, q.d.Columns[i].Mask)
	}
	return sha256.Sum256(b)
}

// sourceDigest hashes a source's definition: what its data is and how its columns are read.
func sourceDigest(s *stead.DataSource) []byte {
	b := binary.AppendVarint(nil, int64(s.ID))
	b = appendText(b, s.Connection)
	b = binary.AppendUvarint(b, uint64(len(s.Path)))
	for _, p := range s.Path {
		b = appendText(b, p)
	}
	b = appendText(b, s.Location)
	b = binary.AppendUvarint(b, uint64(len(s.Columns)))
	for i := range s.Columns {
		b = appendText(b, s.Columns[i].Name)
		b = appendType(b, s.Columns[i].Type)
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendType(b []byte, t expr.Type) []byte {
	b = append(b, byte(t.Kind))
	for _, n := range [...]int{t.Bits, t.Precision, t.Scale, t.Length} {
		b = binary.AppendVarint(b, int64(n))
	}
	b = append(b, flag(t.Unsigned), flag(t.Fixed))
	b = appendText(b, t.Native)
	if t.Elem != nil || t.Key != nil || t.Fields != nil {
		return appendText(b, t.String())
	}
	return append(b, 0)
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// Encode writes an expression so that different ones give different bytes; of columns only the names are told.
func Encode(b []byte, n expr.Node) []byte { return appendNode(b, n) }

// EncodeType is Encode for types.
func EncodeType(b []byte, t expr.Type) []byte { return appendType(b, t) }

// EncodeText is Encode for texts.
func EncodeText(b []byte, s string) []byte { return appendText(b, s) }

// appendNode writes a node so that different nodes give different bytes. What it does not know it
// writes by its Go type: such a node is never equal to a known one.
func appendNode(b []byte, n expr.Node) []byte {
	switch n := n.(type) {
	case nil:
		return append(b, 0)
	case expr.Literal:
		return appendValue(appendType(append(b, 1), n.Typ), n.Value)
	case expr.Column:
		return appendText(append(b, 2), n.Name)
	case expr.Key:
		return appendText(append(b, 3), n.ID)
	case expr.Call:
		b = appendText(append(b, 4), string(n.Func))
		b = binary.AppendUvarint(b, uint64(len(n.Args)))
		for _, a := range n.Args {
			b = appendNode(b, a)
		}
		return b
	case expr.Subject: // in outlines; a decision has none left
		b = appendText(append(b, 5, byte(n.Fact)), n.Key)
		b = appendText(b, n.Text)
		b = append(b, flag(n.Placeholder != nil))
		if n.Placeholder != nil {
			b = appendText(b, *n.Placeholder)
		}
		return appendNode(b, n.Arg)
	default:
		return append(b, 0xFF)
	}
}

func appendValue(b []byte, v expr.Value) []byte {
	if !v.Valid {
		return append(b, 0)
	}
	b = append(b, 1, byte(v.Kind), flag(v.Bool))
	b = binary.AppendVarint(b, v.Int)
	b = binary.AppendUvarint(b, math.Float64bits(v.Float))
	b = appendText(b, v.Text)
	b = appendText(b, string(v.Bytes))
	b = binary.AppendVarint(b, int64(v.Scale))
	if v.Dec != nil {
		b = appendText(b, v.Dec.String())
	} else {
		b = append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(v.Items)))
	for _, x := range v.Items {
		b = appendValue(b, x)
	}
	return b
}
