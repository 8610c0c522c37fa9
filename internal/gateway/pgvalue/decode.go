package pgvalue

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"stead"
	"stead/internal/gateway/duck"
	"stead/internal/gateway/pgtype"
	"stead/internal/gateway/sqlstate"
)

// Types that clients send and no answer has.
const (
	oidName      = 19
	oidXML       = 142
	oidJSONB     = 3802
	oidJSONBs    = 3807
	maxArrayArgs = 1_000_000
)

// Args decodes the parameters of a Bind message, whose types are oids, into values that the engine binds as they
// are: a text that is not of its type is refused here, never by a cast of the engine.
func Args(oids []uint32, formats []int16, raw [][]byte) ([]any, error) {
	if len(raw) != len(oids) {
		return nil, sqlstate.Errorf(sqlstate.Protocol, stead.Invalid, "bind message supplies %d parameters, but the prepared statement requires %d",
			len(raw), len(oids))
	}
	if n := len(formats); n > 1 && n != len(raw) {
		return nil, sqlstate.Errorf(sqlstate.Protocol, stead.Invalid, "bind message has %d parameter formats and %d parameters", n, len(raw))
	}
	args := make([]any, len(raw))
	for i, b := range raw {
		f := TextFormat
		if len(formats) == 1 {
			f = Format(formats[0])
		} else if len(formats) > 1 {
			f = Format(formats[i])
		}
		if b == nil {
			continue
		}
		v, err := decode(oids[i], f, b)
		if err != nil {
			return nil, argError(err, i+1)
		}
		args[i] = v
	}
	return args, nil
}

// argError adds which parameter it was. The value itself is not repeated: it goes to logs.
func argError(err error, n int) error {
	e, ok := err.(*sqlstate.Error)
	if !ok {
		return err
	}
	said := stead.AsError(e)
	return sqlstate.Errorf(e.SQLState(), said.Code, "parameter $%d: %s", n, said.Message)
}

var errBadText = sqlstate.Errorf(sqlstate.BadText, stead.Invalid, "invalid input syntax for its type")
var errBadBinary = sqlstate.Errorf(sqlstate.BadBinary, stead.Invalid, "incorrect binary data format for its type")

func decode(oid uint32, f Format, b []byte) (any, error) {
	switch f {
	case TextFormat:
		if !utf8.Valid(b) || slices.Contains(b, 0) {
			return nil, sqlstate.Errorf(sqlstate.NotText, stead.Invalid, "invalid byte sequence for encoding UTF8")
		}
		return textArg(oid, string(b))
	case BinaryFormat:
		return binaryArg(oid, slices.Clone(b))
	}
	return nil, sqlstate.Errorf(sqlstate.BadParameter, stead.Invalid, "unsupported format code")
}

func textArg(oid uint32, s string) (any, error) {
	switch oid {
	case 0, pgtype.Text, pgtype.Varchar, pgtype.Bpchar, pgtype.Unknown, oidName, oidXML:
		return s, nil
	case pgtype.JSON, oidJSONB:
		return checked(s, json.Valid([]byte(s)))
	case pgtype.Bool:
		b, ok := parseBool(s)
		return checked(b, ok)
	case pgtype.Int2, pgtype.Int4, pgtype.Int8, pgtype.OID:
		n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		return checked(n, err == nil && intFits(n, oid))
	case pgtype.Float4, pgtype.Float8:
		x, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		return checked(x, err == nil)
	case pgtype.Numeric:
		d, ok := parseDecimal(strings.TrimSpace(s))
		return checked(d, ok)
	case pgtype.Bytea:
		h, found := strings.CutPrefix(s, `\x`)
		raw, err := hex.DecodeString(h)
		return checked(raw, found && err == nil)
	case pgtype.UUID:
		u, ok := parseUUID(s)
		return checked(u, ok)
	case pgtype.Date, pgtype.Time, pgtype.Timestamp, pgtype.Timestamptz:
		return timeArg(oid, s)
	case pgtype.Interval:
		iv, ok := parseInterval(s)
		return checked(iv, ok)
	}
	if elem, ok := elementOf(oid); ok {
		return arrayArg(elem, s)
	}
	return nil, sqlstate.Unsupportedf("parameters of the type with OID %d are not offered", oid)
}

// elementOf returns the element's type where oid is an array of something decodable.
func elementOf(oid uint32) (uint32, bool) {
	switch oid {
	case 1003:
		return oidName, true
	case oidJSONBs:
		return oidJSONB, true
	}
	elem, ok := pgtype.Known(oid)
	return elem, ok && elem != 0
}

func checked[T any](v T, ok bool) (any, error) {
	if !ok {
		return nil, errBadText
	}
	return v, nil
}

func intFits(n int64, oid uint32) bool {
	switch oid {
	case pgtype.Int2:
		return n == int64(int16(n))
	case pgtype.Int4:
		return n == int64(int32(n))
	case pgtype.OID:
		return n >= 0 && n <= math.MaxUint32
	}
	return true
}

func parseBool(s string) (v, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "t", "true", "y", "yes", "on", "1":
		return true, true
	case "f", "false", "n", "no", "off", "0":
		return false, true
	}
	return false, false
}

// parseDecimal reads an exact number with at most 38 digits.
func parseDecimal(s string) (duck.DecimalValue, bool) {
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		n, err := strconv.Atoi(s[i+1:])
		if err != nil || n < -60 || n > 60 {
			return duck.DecimalValue{}, false
		}
		mantissa, exponent = s[:i], n
	}
	whole, frac, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole, "+-")
	if len(whole)-len(digits) > 1 || strings.Trim(digits+frac, "0123456789") != "" || digits+frac == "" || len(s) > 200 {
		return duck.DecimalValue{}, false
	}
	scale := len(frac) - exponent
	n, ok := new(big.Int).SetString(digits+frac, 10)
	if !ok {
		return duck.DecimalValue{}, false
	}
	if strings.HasPrefix(whole, "-") {
		n.Neg(n)
	}
	return decimal(n, scale)
}

// decimal brings the scale into 0 to 38 and refuses more than 38 digits.
func decimal(n *big.Int, scale int) (duck.DecimalValue, bool) {
	ten := big.NewInt(10)
	for ; scale < 0; scale++ {
		n.Mul(n, ten)
	}
	for rem := new(big.Int); scale > 0 && (scale > 38 || len(new(big.Int).Abs(n).String()) > 38); scale-- {
		if n.QuoRem(n, ten, rem); rem.Sign() != 0 {
			return duck.DecimalValue{}, false
		}
	}
	return duck.DecimalValue{Unscaled: n, Scale: uint8(scale)}, len(new(big.Int).Abs(n).String()) <= 38
}

func parseUUID(s string) (u duck.UUIDValue, ok bool) {
	h := strings.ReplaceAll(strings.Trim(s, "{}"), "-", "")
	raw, err := hex.DecodeString(h)
	if err != nil || len(raw) != 16 {
		return u, false
	}
	copy(u[:], raw)
	return u, true
}

func binaryArg(oid uint32, b []byte) (any, error) {
	be := binary.BigEndian
	size := map[uint32]int{pgtype.Bool: 1, pgtype.Int2: 2, pgtype.Int4: 4, pgtype.Int8: 8, pgtype.OID: 4, pgtype.Float4: 4, pgtype.Float8: 8,
		pgtype.Date: 4, pgtype.Time: 8, pgtype.Timestamp: 8, pgtype.Timestamptz: 8, pgtype.UUID: 16, pgtype.Interval: 16}[oid]
	if size != 0 && len(b) != size {
		return nil, errBadBinary
	}
	switch oid {
	case oidJSONB:
		if len(b) == 0 || b[0] != 1 {
			return nil, errBadBinary
		}
		return decode(pgtype.JSON, TextFormat, b[1:])
	case pgtype.JSON:
		return decode(pgtype.JSON, TextFormat, b)
	case 0, pgtype.Text, pgtype.Varchar, pgtype.Bpchar, pgtype.Unknown, oidName, oidXML:
		return decode(pgtype.Text, TextFormat, b)
	case pgtype.Bool:
		return b[0] != 0, nil
	case pgtype.Int2:
		return int64(int16(be.Uint16(b))), nil
	case pgtype.Int4:
		return int64(int32(be.Uint32(b))), nil
	case pgtype.OID:
		return int64(be.Uint32(b)), nil
	case pgtype.Int8:
		return int64(be.Uint64(b)), nil
	case pgtype.Float4:
		return float64(math.Float32frombits(be.Uint32(b))), nil
	case pgtype.Float8:
		return math.Float64frombits(be.Uint64(b)), nil
	case pgtype.Numeric:
		return numericArg(b)
	case pgtype.Bytea:
		return b, nil
	case pgtype.UUID:
		return duck.UUIDValue(b), nil
	case pgtype.Date:
		return duck.DateValue(int32(be.Uint32(b)) + epochDays), nil
	case pgtype.Time:
		return duck.TimeValue(int64(be.Uint64(b))), nil
	case pgtype.Timestamp:
		return duck.TimestampValue(int64(be.Uint64(b)) + epochMicros), nil
	case pgtype.Timestamptz:
		return duck.InstantValue(int64(be.Uint64(b)) + epochMicros), nil
	case pgtype.Interval:
		return duck.IntervalValue{Micros: int64(be.Uint64(b)), Days: int32(be.Uint32(b[8:])), Months: int32(be.Uint32(b[12:]))}, nil
	}
	if elem, ok := elementOf(oid); ok {
		return binaryArrayArg(elem, b)
	}
	return nil, sqlstate.Unsupportedf("parameters of the type with OID %d are not offered", oid)
}

func numericArg(b []byte) (any, error) {
	if len(b) < 8 {
		return nil, errBadBinary
	}
	be := binary.BigEndian
	n, weight, sign, dscale := int(be.Uint16(b)), int(int16(be.Uint16(b[2:]))), be.Uint16(b[4:]), int(be.Uint16(b[6:]))
	if len(b) != 8+2*n || n > 50 || weight > 20 || weight < -20 || sign != 0 && sign != 0x4000 {
		return nil, errBadBinary
	}
	v := new(big.Int)
	for k := range n {
		g := be.Uint16(b[8+2*k:])
		if g > 9999 {
			return nil, errBadBinary
		}
		v.Add(v.Mul(v, big.NewInt(10000)), big.NewInt(int64(g)))
	}
	scale := 4 * (n - 1 - weight)
	for ten := big.NewInt(10); scale < dscale && scale < 38; scale++ {
		v.Mul(v, ten)
	}
	rem := new(big.Int)
	for ten := big.NewInt(10); scale > dscale; scale-- {
		if v.QuoRem(v, ten, rem); rem.Sign() != 0 {
			return nil, errBadBinary
		}
	}
	if sign != 0 {
		v.Neg(v)
	}
	d, ok := decimal(v, scale)
	if !ok {
		return nil, sqlstate.Errorf("22003", stead.Limit, "a number of more than 38 digits")
	}
	return d, nil
}

func binaryArrayArg(elem uint32, b []byte) (any, error) {
	be := binary.BigEndian
	if len(b) < 12 {
		return nil, errBadBinary
	}
	dims := be.Uint32(b)
	b = b[12:]
	if dims == 0 {
		return []any{}, nil
	}
	if dims != 1 || len(b) < 8 {
		return nil, sqlstate.Unsupportedf("parameters with more than one dimension are not offered")
	}
	n := be.Uint32(b)
	if b = b[8:]; n > maxArrayArgs || int(n)*4 > len(b) {
		return nil, errBadBinary
	}
	items := make([]any, 0, n)
	for range n {
		if len(b) < 4 {
			return nil, errBadBinary
		}
		size := int32(be.Uint32(b))
		b = b[4:]
		if size == -1 {
			items = append(items, nil)
			continue
		}
		if size < 0 || int(size) > len(b) {
			return nil, errBadBinary
		}
		v, err := binaryArg(elem, b[:size])
		if err != nil {
			return nil, err
		}
		items, b = append(items, v), b[size:]
	}
	return items, nil
}
