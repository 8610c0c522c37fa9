package app

import (
	"fmt"
	"os"

	"stead/internal/bundle"
)

// readFile takes every value of the file; what is unknown or malformed is named with its line.
func (l *Loaded) readFile(path string) []error {
	text, err := os.ReadFile(path)
	if err != nil {
		return []error{fmt.Errorf("configuration file: %w", err)}
	}
	values, err := bundle.Scalars(path, text)
	if err != nil {
		return []error{err}
	}
	known := map[string]Setting{}
	for _, s := range Settings() {
		known[s.Name] = s
	}
	var errs []error
	for _, v := range values {
		s, ok := known[v.Name]
		if !ok {
			errs = append(errs, fmt.Errorf("%s: unknown setting %q; `stead config check` lists all", v.Place, v.Name))
			continue
		}
		if err := s.Set(&l.Config, v.Value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", v.Place, err))
		}
		l.Sources[s.Name] = FromFile
	}
	return errs
}
