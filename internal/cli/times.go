package cli

import (
	"strconv"
	"strings"
	"time"

	"stead"
)

// futureTime reads a span from now, or a point in time.
func futureTime(text string, now time.Time) (time.Time, error) {
	if d, ok := span(text); ok {
		return now.Add(d).UTC().Truncate(time.Second), nil
	}
	return pointInTime(text)
}

// pastTime reads a span before now, or a point in time.
func pastTime(text string, now time.Time) (time.Time, error) {
	if d, ok := span(text); ok {
		return now.Add(-d).UTC(), nil
	}
	return pointInTime(text)
}

// maxDays keeps spans below what a time.Duration holds.
const maxDays = 36500

// span reads days ("90d") and what Go reads ("12h30m"); only what is above zero is one.
func span(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err == nil && n > 0 && n <= maxDays
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d > 0
}

func pointInTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, stead.Errorf(stead.Invalid, "%q is not a time or a span", text).
		WithHint("write for example 90d, 12h, 2027-01-31 or 2027-01-31T00:00:00Z")
}
