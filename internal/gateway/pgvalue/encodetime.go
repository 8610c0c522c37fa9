package pgvalue

import (
	"encoding/binary"
	"math"

	"stead/internal/gateway/duck"
	"stead/internal/gateway/pgtype"
)

const (
	microsPerDay = 86_400_000_000
	infinity     = math.MaxInt64
)

// micros reads any of the timestamps in microseconds; the two infinities are the extremes.
func micros(v *duck.Vector, i int) int64 {
	n := v.Int(i)
	if v.Infinite(i) {
		if n > 0 {
			return infinity
		}
		return -infinity
	}
	switch v.Type.ID {
	case duck.TimestampS:
		return n * 1_000_000
	case duck.TimestampMS:
		return n * 1000
	case duck.TimestampNS:
		return floorDiv(n, 1000)
	}
	return n
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func timeText(dst []byte, v *duck.Vector, i int) []byte {
	switch v.Type.ID {
	case duck.Date:
		if v.Infinite(i) {
			return infiniteText(dst, v.Int(i) > 0)
		}
		dst, bc := dateText(dst, v.Int(i))
		return era(dst, bc)
	case duck.Time:
		return clockText(dst, v.Int(i))
	case duck.TimeNS:
		return clockText(dst, v.Int(i)/1000)
	case duck.TimeTZ:
		us, east := v.TimeTZ(i)
		return offsetText(clockText(dst, us), east)
	case duck.Interval:
		return intervalText(dst, v.Interval(i))
	}
	us := micros(v, i)
	if us == infinity || us == -infinity {
		return infiniteText(dst, us > 0)
	}
	day := floorDiv(us, microsPerDay)
	dst, bc := dateText(dst, day)
	dst = clockText(append(dst, ' '), us-day*microsPerDay)
	if v.Type.ID == duck.TimestampTZ {
		dst = append(dst, "+00"...)
	}
	return era(dst, bc)
}

func infiniteText(dst []byte, positive bool) []byte {
	if positive {
		return append(dst, "infinity"...)
	}
	return append(dst, "-infinity"...)
}

func era(dst []byte, bc bool) []byte {
	if bc {
		return append(dst, " BC"...)
	}
	return dst
}

// dateText writes a day of the proleptic Gregorian calendar; years before 1 are those BC.
func dateText(dst []byte, days int64) (out []byte, bc bool) {
	y, m, d := civil(days)
	if bc = y <= 0; bc {
		y = 1 - y
	}
	dst = padded(dst, y, 4)
	dst = padded(append(dst, '-'), m, 2)
	return padded(append(dst, '-'), d, 2), bc
}

// civil turns days since 1970-01-01 into a date, counting years from March.
func civil(days int64) (y, m, d int64) {
	days += 719468
	era := floorDiv(days, 146097)
	doe := days - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	y = yoe + era*400
	if m <= 2 {
		y++
	}
	return y, m, d
}

// dayNumber is the inverse of civil.
func dayNumber(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	mp := (m + 9) % 12
	doy := (153*mp+2)/5 + d - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

func padded(dst []byte, n int64, width int) []byte {
	var buf [20]byte
	at := len(buf)
	for ; n > 0 || width > 0; n, width = n/10, width-1 {
		at--
		buf[at] = byte('0' + n%10)
	}
	return append(dst, buf[at:]...)
}

// clockText writes a time of day of microseconds since midnight, of any length for intervals.
func clockText(dst []byte, us int64) []byte {
	dst = padded(dst, us/3_600_000_000, 2)
	dst = padded(append(dst, ':'), us/60_000_000%60, 2)
	dst = padded(append(dst, ':'), us/1_000_000%60, 2)
	frac, width := us%1_000_000, 6
	if frac == 0 {
		return dst
	}
	for frac%10 == 0 {
		frac, width = frac/10, width-1
	}
	return padded(append(dst, '.'), frac, width)
}

func offsetText(dst []byte, east int32) []byte {
	if east < 0 {
		dst, east = append(dst, '-'), -east
	} else {
		dst = append(dst, '+')
	}
	dst = padded(dst, int64(east/3600), 2)
	if east%3600 != 0 {
		dst = padded(append(dst, ':'), int64(east/60%60), 2)
	}
	if east%60 != 0 {
		dst = padded(append(dst, ':'), int64(east%60), 2)
	}
	return dst
}

func intervalText(dst []byte, iv duck.IntervalValue) []byte {
	start := len(dst)
	part := func(n int64, unit string) {
		if n == 0 {
			return
		}
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		if n < 0 {
			dst = append(dst, '-')
			dst = padded(dst, -n, 1)
		} else {
			dst = padded(dst, n, 1)
		}
		dst = append(append(dst, ' '), unit...)
		if n != 1 {
			dst = append(dst, 's')
		}
	}
	part(int64(iv.Months/12), "year")
	part(int64(iv.Months%12), "mon")
	part(int64(iv.Days), "day")
	us := iv.Micros
	if us == 0 && len(dst) > start {
		return dst
	}
	if len(dst) > start {
		dst = append(dst, ' ')
	}
	if us < 0 {
		dst, us = append(dst, '-'), -us
	}
	return clockText(dst, us)
}

func timeBinary(dst []byte, v *duck.Vector, i int, oid uint32) []byte {
	be := binary.BigEndian
	switch v.Type.ID {
	case duck.Date:
		switch days := v.Int(i); {
		case v.Infinite(i) && days > 0:
			return be.AppendUint32(dst, math.MaxInt32)
		case v.Infinite(i):
			return be.AppendUint32(dst, 1<<31)
		default:
			return be.AppendUint32(dst, uint32(int32(days-epochDays)))
		}
	case duck.Time:
		return be.AppendUint64(dst, uint64(v.Int(i)))
	case duck.TimeTZ:
		us, east := v.TimeTZ(i)
		return be.AppendUint32(be.AppendUint64(dst, uint64(us)), uint32(-east))
	case duck.Interval:
		iv := v.Interval(i)
		return be.AppendUint32(be.AppendUint32(be.AppendUint64(dst, uint64(iv.Micros)), uint32(iv.Days)), uint32(iv.Months))
	}
	if oid != pgtype.Timestamp && oid != pgtype.Timestamptz {
		return timeText(dst, v, i)
	}
	switch us := micros(v, i); us {
	case infinity:
		return be.AppendUint64(dst, math.MaxInt64)
	case -infinity:
		return be.AppendUint64(dst, 1<<63)
	default:
		return be.AppendUint64(dst, uint64(us-epochMicros))
	}
}
