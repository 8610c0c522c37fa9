package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"stead/internal/gateway/duck"
)

// report is one run.
type report struct {
	Began   time.Time `json:"began"`
	Machine string    `json:"machine"`
	// Load is the machine's load average when the run began and ended: above the number of cores, others ran too.
	Load    []string `json:"load"`
	Rows    int64    `json:"rows"`
	Figures []figure `json:"figures"`
}

// figure is one thing measured.
type figure struct {
	Part  string  `json:"part"`
	What  string  `json:"what"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Ratio is Value over that of the engine asked directly in the same run, 0 where there is none.
	Ratio float64 `json:"ratio,omitempty"`
	// Low and High are the quartiles, 0 where there is one measurement.
	Low  float64 `json:"low,omitempty"`
	High float64 `json:"high,omitempty"`
	// Bar is what docs/architecture.md asks for, "" where it asks nothing; Met says whether Value keeps it.
	Bar string `json:"bar,omitempty"`
	Met *bool  `json:"met,omitempty"`
}

// add keeps a figure, and shows it at once to whoever waits.
func (r *report) add(f figure) {
	r.Figures = append(r.Figures, f)
	fmt.Fprintf(os.Stderr, "  %s: %s: %s %s %s\n", f.Part, f.What, number(f.Value), f.Unit, f.ratio())
}

// against adds a figure that has a bar.
func (r *report) against(f figure, bar string, met bool) {
	f.Bar, f.Met = bar, &met
	r.add(f)
}

func (r *report) print(out io.Writer) error {
	fmt.Fprintf(out, "%s\n%s\nload average at the start and the end: %s\n", r.Machine, r.Began.Format(time.RFC3339), strings.Join(r.Load, ", "))
	part := ""
	var w *tabwriter.Writer
	for _, f := range r.Figures {
		if f.Part != part {
			if w != nil {
				if err := w.Flush(); err != nil {
					return err
				}
			}
			part = f.Part
			fmt.Fprintf(out, "\n== %s\n", part)
			w = tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		}
		fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s\n", f.What, number(f.Value), f.Unit, f.spread(), f.ratio(), f.verdict())
	}
	if w == nil {
		return nil
	}
	return w.Flush()
}

func (f *figure) spread() string {
	if f.High == 0 {
		return ""
	}
	return number(f.Low) + " - " + number(f.High)
}

func (f *figure) ratio() string {
	if f.Ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2fx", f.Ratio)
}

func (f *figure) verdict() string {
	switch {
	case f.Met == nil:
		return ""
	case *f.Met:
		return "met: " + f.Bar
	}
	return "NOT met: " + f.Bar
}

// number prints three digits that mean something.
func number(v float64) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

func machine() string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s, DuckDB %s, %s/%s", model, runtime.NumCPU(), runtime.Version(), duck.Version(), runtime.GOOS, runtime.GOARCH)
}

// loadNow is the load average of the last minute.
func loadNow() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}
