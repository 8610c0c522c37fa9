package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// form is one of the ways that are compared with each other.
type form struct {
	name string
	run  func() error
	took []time.Duration
}

// interleave runs every form once a round, in random order, times times in a row, after one round
// that does not count. What is compared so meets the same disturbances.
func interleave(forms []*form, rounds, times int) error {
	order := slices.Clone(forms)
	for round := range rounds + 1 {
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, f := range order {
			for range times {
				began := time.Now()
				if err := f.run(); err != nil {
					return fmt.Errorf("%s: %w", f.name, err)
				}
				if round > 0 {
					f.took = append(f.took, time.Since(began))
				}
			}
		}
	}
	return nil
}

// quantile of durations that need not be sorted; 0 of none.
func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Sorted(slices.Values(d))
	return d[min(int(q*float64(len(d))), len(d)-1)]
}

func median(d []time.Duration) time.Duration { return quantile(d, 0.5) }

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// timed is the figure of a form's median, in milliseconds.
func timed(part, what string, took []time.Duration) figure {
	return figure{Part: part, What: what, Unit: "ms", Value: ms(median(took)), Low: ms(quantile(took, 0.25)), High: ms(quantile(took, 0.75))}
}

// beside is timed with its ratio to another form.
func beside(part, what string, took, base []time.Duration) figure {
	f := timed(part, what, took)
	f.Ratio = float64(median(took)) / float64(median(base))
	return f
}
