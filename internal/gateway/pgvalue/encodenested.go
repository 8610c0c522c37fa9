package pgvalue

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"stead/internal/gateway/duck"
	"stead/internal/gateway/pgtype"
	"stead/internal/gateway/sqlstate"
)

// arrayText writes a list of scalars in the array syntax.
func arrayText(dst []byte, v *duck.Vector, i int, elem uint32) ([]byte, error) {
	offset, n := v.Entry(i)
	kids := v.Child(0)
	dst = append(dst, '{')
	var buf []byte
	for k := range n {
		if k > 0 {
			dst = append(dst, ',')
		}
		if kids.Null(offset + k) {
			dst = append(dst, "NULL"...)
			continue
		}
		var err error
		if buf, err = textValue(buf[:0], kids, offset+k, elem); err != nil {
			return nil, err
		}
		dst = arrayElement(dst, buf)
	}
	return append(dst, '}'), nil
}

// arrayElement quotes an element where the syntax needs it.
func arrayElement(dst, text []byte) []byte {
	if len(text) > 0 && !bytes.ContainsAny(text, "{},\"\\ \t\n\r\v\f") && !bytes.EqualFold(text, []byte("null")) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for _, b := range text {
		if b == '"' || b == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, b)
	}
	return append(dst, '"')
}

func arrayBinary(dst []byte, v *duck.Vector, i int, elem uint32) ([]byte, error) {
	be := binary.BigEndian
	offset, n := v.Entry(i)
	kids := v.Child(0)
	nulls := uint32(0)
	for k := range n {
		if kids.Null(offset + k) {
			nulls = 1
		}
	}
	if n == 0 {
		return be.AppendUint32(be.AppendUint32(be.AppendUint32(dst, 0), 0), elem), nil
	}
	dst = be.AppendUint32(be.AppendUint32(be.AppendUint32(dst, 1), nulls), elem)
	dst = be.AppendUint32(be.AppendUint32(dst, uint32(n)), 1)
	for k := range n {
		at := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		if kids.Null(offset + k) {
			be.PutUint32(dst[at:], 1<<32-1)
			continue
		}
		var err error
		if dst, err = binaryValue(dst, kids, offset+k, elem); err != nil {
			return nil, err
		}
		be.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return dst, nil
}

// jsonValue writes what has no PostgreSQL type as JSON: structs, maps, nested lists.
func jsonValue(dst []byte, v *duck.Vector, i int) ([]byte, error) {
	if v.Null(i) {
		return append(dst, "null"...), nil
	}
	switch v.Type.ID {
	case duck.Boolean:
		if v.Bool(i) {
			return append(dst, "true"...), nil
		}
		return append(dst, "false"...), nil
	case duck.TinyInt, duck.SmallInt, duck.Integer, duck.BigInt, duck.UTinyInt, duck.USmallInt, duck.UInteger,
		duck.UBigInt, duck.HugeInt, duck.UHugeInt, duck.Decimal:
		return textValue(dst, v, i, 0)
	case duck.Float, duck.Double:
		if f := v.Float64(i); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return textValue(dst, v, i, 0)
		}
	case duck.Varchar:
		if v.Type.Alias == "JSON" {
			return append(dst, v.Bytes(i)...), nil
		}
	case duck.List, duck.Array:
		return jsonList(dst, v, i)
	case duck.Struct:
		return jsonStruct(dst, v, i)
	case duck.Map:
		return jsonMap(dst, v, i)
	case duck.Union:
		k := v.Tag(i)
		if k >= len(v.Type.Fields) {
			return append(dst, "null"...), nil
		}
		return jsonValue(dst, v.Child(k), i)
	case duck.SQLNull:
		return append(dst, "null"...), nil
	case duck.Geometry, duck.Variant, duck.Invalid, duck.Any:
		return nil, sqlstate.Unsupportedf("values of type %s cannot be sent", v.Type).WithHint("Leave the column out.")
	}
	text, err := textValue(nil, v, i, 0)
	if err != nil {
		return nil, err
	}
	return jsonText(dst, text), nil
}

func jsonList(dst []byte, v *duck.Vector, i int) (_ []byte, err error) {
	offset, n := v.Entry(i)
	dst = append(dst, '[')
	for k := range n {
		if k > 0 {
			dst = append(dst, ',')
		}
		if dst, err = jsonValue(dst, v.Child(0), offset+k); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func jsonStruct(dst []byte, v *duck.Vector, i int) (_ []byte, err error) {
	dst = append(dst, '{')
	for k, f := range v.Type.Fields {
		if k > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsonText(dst, []byte(f.Name)), ':')
		if dst, err = jsonValue(dst, v.Child(k), i); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// jsonMap writes an object whose names are the texts of the keys.
func jsonMap(dst []byte, v *duck.Vector, i int) (_ []byte, err error) {
	offset, n := v.Entry(i)
	entries := v.Child(0)
	dst = append(dst, '{')
	for k := range n {
		if k > 0 {
			dst = append(dst, ',')
		}
		key, err := textValue(nil, entries.Child(0), offset+k, pgtype.Text)
		if err != nil {
			return nil, err
		}
		dst = append(jsonText(dst, key), ':')
		if dst, err = jsonValue(dst, entries.Child(1), offset+k); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

const hexDigits = "0123456789abcdef"

func jsonText(dst, text []byte) []byte {
	dst = append(dst, '"')
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		case r == utf8.RuneError && size == 1:
			dst = append(dst, "\ufffd"...)
		default:
			dst = append(dst, text[:size]...)
		}
		text = text[size:]
	}
	return append(dst, '"')
}
