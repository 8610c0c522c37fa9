package pgvalue

import (
	"slices"
	"testing"
	"unicode/utf8"

	"stead/internal/gateway/pgtype"
)

// FuzzParameter decodes what clients send as values.
func FuzzParameter(f *testing.F) {
	for _, s := range []string{"{1,2}", "2024-01-02 03:04:05+02", "1 year 2 mons", "-1.5e3", `{"a,b",NULL}`, "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x17\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x05"} {
		f.Add(s, uint8(0))
	}
	oids := []uint32{0, pgtype.Bool, pgtype.Int2, pgtype.Int4, pgtype.Int8, pgtype.Float4, pgtype.Float8, pgtype.Numeric, pgtype.Bytea, pgtype.UUID, pgtype.Date,
		pgtype.Time, pgtype.Timestamp, pgtype.Timestamptz, pgtype.Interval, 1007, 1009, 1231, 1115, oidJSONB, oidJSONBs, 9999}
	f.Fuzz(func(t *testing.T, s string, which uint8) {
		oid := oids[int(which)%len(oids)]
		for _, format := range []Format{TextFormat, BinaryFormat} {
			v, err := decode(oid, format, []byte(s))
			if text, ok := v.(string); err == nil && ok && !utf8.ValidString(text) {
				t.Fatalf("%q is not UTF-8", text)
			}
		}
		if oid == 9999 && !slices.Contains([]uint32{pgtype.Bool}, oid) {
			if _, err := decode(oid, TextFormat, []byte("x")); err == nil {
				t.Fatal("an unknown type was taken")
			}
		}
	})
}
