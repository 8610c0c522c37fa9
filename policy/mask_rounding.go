package policy

import (
	"errors"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"stead/policy/expr"
)

// roundingMask generalises: numbers to the largest multiple of a bucket not above them,
// decimals to places, dates and times to a unit.
type roundingMask struct{}

var bucketText = regexp.MustCompile(`^[0-9]{1,18}(\.[0-9]{1,9})?$`)

func (roundingMask) name() string { return "rounding" }

func (roundingMask) check(m *MaskingConfig, path string) Problems {
	out := m.only(path, nil, []string{"bucketSize", "places", "timePrecision"})
	out = append(out, exactlyOne(path, m.Type, member{"bucketSize", m.BucketSize != ""}, member{"places", m.Places != nil},
		member{"timePrecision", m.Unit != ""})...)
	if m.BucketSize != "" {
		if w, err := strconv.ParseFloat(m.BucketSize, 64); err != nil || w <= 0 || !bucketText.MatchString(m.BucketSize) {
			out = append(out, problem(join(path, "bucketSize"), "must be a number above 0, written as a text like \"1000\""))
		}
	}
	if m.Places != nil && (*m.Places < 0 || *m.Places > 38) {
		out = append(out, problem(join(path, "places"), "must be 0 to 38"))
	}
	if m.Unit != "" {
		unit, column := expr.TextLit(m.Unit), expr.Column{Name: "t", Typ: expr.TimestampType}
		if _, err := expr.NewCall(expr.DateTrunc, unit, column); err != nil {
			out = append(out, problem(join(path, "timePrecision"), "%s", err))
		}
	}
	return out
}

func (roundingMask) build(m *MaskingConfig, col expr.Column, _ expr.Key) (expr.Node, error) {
	switch {
	case m.Unit != "":
		return expr.NewCall(expr.DateTrunc, expr.TextLit(m.Unit), col)
	case m.Places != nil && col.Typ.Kind == expr.Decimal:
		return expr.NewCall(expr.Round, col, expr.IntLit(int64(min(*m.Places, col.Typ.Scale))))
	case m.BucketSize != "" && col.Typ.Kind == expr.Int:
		width, err := strconv.ParseInt(m.BucketSize, 10, 64)
		if err != nil {
			return nil, errors.New("the bucket of a whole number must be a whole number")
		}
		return expr.NewCall(expr.Bucket, col, expr.IntLit(width))
	case m.BucketSize != "" && col.Typ.Kind == expr.Decimal:
		width, err := decimalWidth(m.BucketSize)
		if err != nil {
			return nil, err
		}
		return expr.NewCall(expr.Bucket, col, width)
	case m.BucketSize != "" && col.Typ.Kind == expr.Float:
		width, err := strconv.ParseFloat(m.BucketSize, 64)
		if err != nil || math.IsInf(width, 0) {
			return nil, errors.New("the bucket is not a number")
		}
		return expr.NewCall(expr.Bucket, col, expr.Literal{Value: expr.FloatValue(width), Typ: expr.Type{Kind: expr.Float}})
	default:
		return nil, errors.New("this rounding is not for type " + col.Typ.String())
	}
}

// decimalWidth is the bucket with no more places than it needs.
func decimalWidth(text string) (expr.Node, error) {
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	whole, places, _ := strings.Cut(text, ".")
	unscaled, ok := new(big.Int).SetString(whole+places, 10)
	if !ok {
		return nil, errors.New("the bucket is not a number")
	}
	return expr.Literal{Value: expr.DecimalValue(unscaled, len(places)), Typ: expr.DecimalType(38, len(places))}, nil
}
