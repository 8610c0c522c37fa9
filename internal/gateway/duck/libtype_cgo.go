//go:build cgo

package duck

import (
	db "github.com/duckdb/duckdb-go-bindings"
)

// loadVector points v, whose types are set, at the data of this chunk.
func loadVector(vec db.Vector, v *Vector) {
	v.data = db.VectorGetData(vec)
	v.valid = (*uint64)(db.VectorGetValidity(vec))
	switch v.Type.ID {
	case List, Map:
		loadVector(db.ListVectorGetChild(vec), &v.kids[0])
	case Array:
		loadVector(db.ArrayVectorGetChild(vec), &v.kids[0])
	case Struct, Union:
		for i := range v.kids {
			loadVector(db.StructVectorGetChild(vec, db.IdxT(i)), &v.kids[i])
		}
	}
}

// readType copies a logical type into Go and frees it.
func readType(lt db.LogicalType) *Type {
	if lt.Ptr == nil {
		return &Type{ID: Invalid}
	}
	defer db.DestroyLogicalType(&lt)
	t := &Type{ID: TypeID(db.GetTypeId(lt))}
	if t.ID == Varchar || t.ID == Blob {
		t.Alias = db.LogicalTypeGetAlias(lt)
	}
	switch t.ID {
	case Decimal:
		t.Width, t.Scale = db.DecimalWidth(lt), db.DecimalScale(lt)
		t.storage = TypeID(db.DecimalInternalType(lt))
	case Enum:
		t.storage = TypeID(db.EnumInternalType(lt))
		t.Values = make([]string, db.EnumDictionarySize(lt))
		for i := range t.Values {
			t.Values[i] = db.EnumDictionaryValue(lt, db.IdxT(i))
		}
	case List:
		t.Elem = readType(db.ListTypeChildType(lt))
	case Array:
		t.Elem = readType(db.ArrayTypeChildType(lt))
		t.Size = int(db.ArrayTypeArraySize(lt))
	case Map:
		t.Key = readType(db.MapTypeKeyType(lt))
		t.Elem = readType(db.MapTypeValueType(lt))
	case Struct:
		for i := range int(db.StructTypeChildCount(lt)) {
			t.Fields = append(t.Fields, Field{db.StructTypeChildName(lt, db.IdxT(i)), readType(db.StructTypeChildType(lt, db.IdxT(i)))})
		}
	case Union:
		for i := range int(db.UnionTypeMemberCount(lt)) {
			t.Fields = append(t.Fields, Field{db.UnionTypeMemberName(lt, db.IdxT(i)), readType(db.UnionTypeMemberType(lt, db.IdxT(i)))})
		}
	}
	return t
}
