package bundle

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"stead"
	"stead/api"
)

// schemas validates documents; a schema is compiled when the first document of its kind comes.
type schemas map[string]*jsonschema.Schema

func (s schemas) of(kind string) (*jsonschema.Schema, error) {
	if c, ok := s[kind]; ok {
		return c, nil
	}
	name := strings.ToLower(kind) + ".schema.json"
	src, err := api.Schemas.ReadFile(name)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{}) // nothing is loaded from anywhere
	if err := c.AddResource("stead:"+name, doc); err != nil {
		return nil, err
	}
	s[kind], err = c.Compile("stead:" + name)
	return s[kind], err
}

// check reports everything in which the document differs from its schema.
func (s schemas) check(d *document) (Problems, error) {
	schema, err := s.of(d.kind)
	if err != nil {
		return nil, err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(d.root.json()))
	if err != nil {
		return nil, err
	}
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(value); err == nil {
		return nil, nil
	} else if !errors.As(err, &invalid) {
		return nil, err
	}
	v := violations{document: d, printer: message.NewPrinter(language.English)}
	v.add(invalid)
	return v.problems, nil
}

type violations struct {
	document *document
	printer  *message.Printer
	problems Problems
}

func (v *violations) add(e *jsonschema.ValidationError) {
	for _, c := range e.Causes {
		v.add(c)
	}
	if len(e.Causes) > 0 {
		return
	}
	path := v.document.root.spell(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			v.unknown(path, name, e.SchemaURL)
		}
	case *kind.Required:
		for _, name := range k.Missing {
			v.problems = append(v.problems, problem(v.document.place(path), "%s is missing", name))
		}
	case *kind.Type:
		p := problem(v.document.place(path), "must be %s, not %s", typeName(strings.Join(k.Want, " or ")), typeName(k.Got))
		if len(k.Want) == 1 && k.Want[0] == "string" && k.Got != "object" && k.Got != "array" {
			p = p.WithHint(quote)
		}
		v.problems = append(v.problems, p)
	default:
		v.problems = append(v.problems, problem(v.document.place(path), "%s", shorten(e.ErrorKind.LocalizedString(v.printer))))
	}
}

func (v *violations) unknown(path, name, _ string) {
	at := v.document.place(join(path, name))
	p := problem(at, "is not a member that is known here")
	if hint := v.document.variant(name); hint != "" {
		p = p.WithHint("%s", hint)
	}
	v.problems = append(v.problems, p)
}

// variant says what may have been meant by an unknown member.
func (d *document) variant(name string) string {
	switch {
	case d.kind == "DataSource" && name == "connection":
		return "describe the connection in a document of kind Connection"
	case d.kind == "Project" && name == "sources":
		return "tables of a project are its datasources"
	default:
		return "names are compared letter by letter; the schema in api/ lists them"
	}
}

func typeName(name string) string {
	switch name {
	case "string":
		return "a text"
	case "number", "integer":
		return "a number"
	case "boolean":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "a mapping"
	case "null":
		return "empty"
	default:
		return name
	}
}

// spell writes the steps to a value as paths are written.
func (n *node) spell(steps []string) string {
	path := ""
	for _, s := range steps {
		if n != nil && n.kind == list {
			path += "[" + s + "]"
			i, err := strconv.Atoi(s)
			if err != nil || i >= len(n.items) {
				return path
			}
			n = n.items[i]
			continue
		}
		path, n = join(path, s), n.member(s)
	}
	return path
}

// document is one document of a file.
type document struct {
	file   string
	kind   string
	root   *node
	spots  map[string]position
	source stead.Place // of the document itself
}

func newDocument(file string, root *node) *document {
	d := &document{file: file, root: root, spots: map[string]position{}}
	root.places("", d.spots)
	d.source = place(file, root.at, "")
	return d
}

// place finds a path in the document; the nearest that exists around it gives the line.
func (d *document) place(path string) stead.Place {
	for at := path; at != ""; at = parent(at) {
		if p, ok := d.spots[at]; ok {
			return place(d.file, p, path)
		}
	}
	return place(d.file, d.root.at, path)
}

func parent(path string) string {
	i := strings.LastIndexAny(path, ".[")
	if i < 0 {
		return ""
	}
	return path[:i]
}
