//go:build cgo

package duck

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"unicode/utf8"

	db "github.com/duckdb/duckdb-go-bindings"
)

// makeValue returns the DuckDB value of v; the caller destroys it.
func makeValue(v any) (db.Value, error) {
	switch v := v.(type) {
	case nil:
		return db.CreateNullValue(), nil
	case bool:
		return db.CreateBool(v), nil
	case int64:
		return db.CreateInt64(v), nil
	case uint64:
		return db.CreateUInt64(v), nil
	case float64:
		return db.CreateDouble(v), nil
	case string:
		if !utf8.ValidString(v) {
			return db.Value{}, &Error{Kind: "invalid input", Text: "text is not valid UTF-8"}
		}
		return db.CreateVarcharLength(v, db.IdxT(len(v))), nil
	case []byte:
		return db.CreateBlob(v), nil
	case DateValue:
		return db.CreateDate(db.NewDate(int32(v))), nil
	case TimeValue:
		return db.CreateTime(db.NewTime(int64(v))), nil
	case TimestampValue:
		return db.CreateTimestamp(db.NewTimestamp(int64(v))), nil
	case InstantValue:
		return db.CreateTimestampTZ(db.NewTimestamp(int64(v))), nil
	case IntervalValue:
		return db.CreateInterval(db.NewInterval(v.Months, v.Days, v.Micros)), nil
	case UUIDValue:
		return db.CreateUUID(db.NewUHugeInt(binary.BigEndian.Uint64(v[8:]), binary.BigEndian.Uint64(v[:8]))), nil
	case DecimalValue:
		return makeDecimal(v)
	case []any:
		return makeList(v)
	default:
		return db.Value{}, fmt.Errorf("a value of type %T cannot be bound", v)
	}
}

var maxDecimal = new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)

func makeDecimal(v DecimalValue) (db.Value, error) {
	if v.Unscaled == nil || v.Scale > 38 || v.Unscaled.CmpAbs(maxDecimal) >= 0 {
		return db.Value{}, &Error{Kind: "out of range", Text: "a decimal has at most 38 digits"}
	}
	b := bits128(v.Unscaled)
	return db.CreateDecimal(db.NewDecimal(38, v.Scale, db.NewHugeInt(b.Lo, b.Hi))), nil
}

func makeList(items []any) (db.Value, error) {
	vals := make([]db.Value, len(items))
	defer func() {
		for i := range vals {
			db.DestroyValue(&vals[i])
		}
	}()
	elem := db.CreateLogicalType(db.TypeVarchar)
	known := false
	for i, it := range items {
		val, err := makeValue(it)
		if err != nil {
			db.DestroyLogicalType(&elem)
			return db.Value{}, err
		}
		vals[i] = val
		if it != nil && !known {
			known = true
			db.DestroyLogicalType(&elem)
			elem = copyValueType(val)
		}
	}
	defer db.DestroyLogicalType(&elem)
	return db.CreateListValue(elem, vals), nil
}

// copyValueType returns a type the caller owns: the one a value gives belongs to the value.
func copyValueType(val db.Value) db.LogicalType {
	t := db.GetValueType(val)
	switch id := db.GetTypeId(t); id {
	case db.TypeDecimal:
		return db.CreateDecimalType(db.DecimalWidth(t), db.DecimalScale(t))
	case db.TypeList:
		child := db.ListTypeChildType(t)
		defer db.DestroyLogicalType(&child)
		return db.CreateListType(child)
	default:
		return db.CreateLogicalType(id)
	}
}
