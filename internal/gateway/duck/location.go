package duck

import (
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"stead"
)

// format is how a file is read.
type format string

const (
	parquet format = "parquet"
	csv     format = "csv"
	json_   format = "json"
)

// maxFiles bounds one data source's files.
const maxFiles = 10_000

// formatOf goes by the end of the name; "" is a file that is not read.
func formatOf(name string) format {
	name = strings.ToLower(name)
	for _, pack := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, pack)
	}
	switch path.Ext(name) {
	case ".parquet":
		return parquet
	case ".csv", ".tsv":
		return csv
	case ".json", ".ndjson", ".jsonl":
		return json_
	}
	return ""
}

// stem is a file's name without the endings that formatOf knows.
func stem(name string) string {
	lower := strings.ToLower(name)
	for _, pack := range []string{".gz", ".zst"} {
		if strings.HasSuffix(lower, pack) {
			name = name[:len(name)-len(pack)]
		}
	}
	return strings.TrimSuffix(name, path.Ext(name))
}

// fileSet is the files behind a location, and how they are read.
type fileSet struct {
	format format
	paths  []string // absolute, sorted
	hive   bool     // folders k=v hold columns
	mark   string   // changes when a file, its size or its time does
}

// listFiles finds the files of a location below root: a file, a glob ("a/*.parquet",
// "a/**/x.csv") or a folder, relative to root. Nothing outside root is ever found, also
// not through a symbolic link.
func listFiles(root, location string) (*fileSet, error) {
	clean := path.Clean(filepath.ToSlash(location))
	if location == "" || strings.ContainsRune(location, 0) || !fs.ValidPath(clean) {
		return nil, stead.Errorf(stead.Invalid, "the location %q is not a path inside the connection's folder", location)
	}
	names, err := expand(root, clean)
	if err != nil {
		return nil, gone(location).WithCause(err)
	}
	if len(names) == 0 {
		return nil, gone(location)
	}
	if len(names) > maxFiles {
		return nil, stead.Errorf(stead.Limit, "the location %q holds more than %d files", location, maxFiles)
	}
	set := &fileSet{format: formatOf(names[0])}
	mark := fnv.New128a()
	for _, name := range names {
		if formatOf(name) != set.format {
			return nil, stead.Errorf(stead.Invalid, "the location %q holds files of different kinds", location)
		}
		full := filepath.Join(root, filepath.FromSlash(name))
		if err := inside(root, full); err != nil {
			return nil, stead.Errorf(stead.Invalid, "the location %q leads out of the connection's folder", location).WithCause(err)
		}
		info, err := os.Stat(full)
		if err != nil {
			return nil, gone(location).WithCause(err)
		}
		if !info.Mode().IsRegular() { // opening a pipe waits for ever, and nothing can interrupt it
			return nil, stead.Errorf(stead.Invalid, "the location %q holds something that is not a file", location)
		}
		fmt.Fprintf(mark, "%s\x00%d\x00%d\x00", name, info.Size(), info.ModTime().UnixNano())
		set.paths = append(set.paths, full)
		set.hive = set.hive || strings.Contains(path.Dir(name), "=")
	}
	if set.format == "" {
		return nil, stead.Errorf(stead.Invalid, "the location %q is not a Parquet, CSV or JSON file", location)
	}
	set.mark = fmt.Sprintf("%x", mark.Sum(nil))
	return set, nil
}

func gone(location string) *stead.Error {
	return stead.Errorf(stead.Unavailable, "there is no data at %q any more", location).
		WithHint("put the files back, or register the table again")
}

// inside follows symbolic links and checks that they stay below root.
func inside(root, full string) error {
	real, err := filepath.EvalSymlinks(full)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(root, real); err != nil || !filepath.IsLocal(rel) {
		return fmt.Errorf("%s is not below %s", real, root)
	}
	return nil
}

// expand lists the files of a cleaned location, relative to root with slashes, sorted.
func expand(root, location string) ([]string, error) {
	tree := os.DirFS(root)
	info, err := fs.Stat(tree, location)
	if err == nil && !info.IsDir() {
		return []string{location}, nil
	}
	pattern, base := location, globBase(location)
	if err == nil { // a folder: everything readable below it
		pattern, base = path.Join(location, "**"), location
	} else if base == location {
		return nil, err
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, err
	}
	var names []string
	err = fs.WalkDir(tree, base, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != base && hidden(d.Name()):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir() && formatOf(name) != "" && matches(strings.Split(pattern, "/"), strings.Split(name, "/")):
			if names = append(names, name); len(names) > maxFiles {
				return fs.SkipAll
			}
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") }

// globBase is the folders of a pattern before its first wildcard.
func globBase(pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, p := range parts {
		if strings.ContainsAny(p, "*?[") {
			if i == 0 {
				return "."
			}
			return path.Join(parts[:i]...)
		}
	}
	return pattern
}

// matches is path.Match by parts, where a part ** stands for any number of them.
func matches(pattern, name []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			if len(pattern) == 1 {
				return len(name) > 0
			}
			for i := range len(name) {
				if matches(pattern[1:], name[i:]) {
					return true
				}
			}
			return false
		}
		if len(name) == 0 {
			return false
		}
		if ok, err := path.Match(pattern[0], name[0]); err != nil || !ok {
			return false
		}
		pattern, name = pattern[1:], name[1:]
	}
	return len(name) == 0
}
