package bundle

import (
	"encoding/json"
	"slices"
	"strings"

	"stead"
	"stead/internal/store"
)

// File is one file of a bundle: YAML or JSON, told apart by the name's ending, else by the text.
type File struct {
	Name string `json:"name"`
	Text []byte `json:"text"`
}

// Env looks up a variable that a connection's address or credential names as ${NAME}; os.LookupEnv is one. A nil Env has none.
type Env func(name string) (value string, ok bool)

// Bundle is a set of documents, read and checked as far as that goes without a store.
type Bundle struct {
	items []*item
	// connections that the bundle describes, by key.
	connections map[string]*connectionDoc
	// pruned are the nouns that a prune may delete of; nil means all.
	pruned []store.Noun
}

// Kinds lists the kinds of document that a bundle holds, in the order in which they are applied.
func Kinds() []string {
	return []string{"Purpose", "Connection", "User", "Agent", "Group", "DataSource", "Policy", "Project", "Subscription", "Setting", "Test"}
}

// Read reads and checks the files. The error is a *stead.Error or Problems, which hold everything that is wrong in all files
// with its file, line, column and path.
func Read(files []File, env Env) (*Bundle, error) {
	r := newReader(env)
	total := 0
	for _, f := range files {
		if total += len(f.Text); total > maxTotal {
			return nil, stead.Errorf(stead.Limit, "the files are larger than %d bytes together", maxTotal).WithHint("apply them in several bundles")
		}
	}
	for _, f := range files {
		roots, err := readTrees(f.Name, f.Text)
		if err := r.collect(err); err != nil {
			return nil, err
		}
		for _, root := range roots {
			if err := r.document(newDocument(f.Name, root), ""); err != nil {
				return nil, err
			}
		}
	}
	return r.finish()
}

// ReadPolicy reads the body of the v2 policy path: one policy, YAML or JSON, whose kind may be left out.
func ReadPolicy(text []byte) (*Bundle, error) { return readOne("Policy", text, store.Policies) }

// ReadData reads the body of the v2 data path: the tables of one connection. Applied with Prune under a name made of the
// connection's key, tables that an earlier body named and this one does not are deleted.
func ReadData(text []byte) (*Bundle, error) { return readOne("DataSource", text, store.DataSources) }

func readOne(kind string, text []byte, noun store.Noun) (*Bundle, error) {
	roots, err := readTrees("", text)
	if err != nil {
		return nil, err
	}
	if len(roots) != 1 {
		return nil, stead.Errorf(stead.Invalid, "holds %d documents", len(roots)).WithHint("send one document of kind %s", kind)
	}
	r := newReader(nil)
	if err := r.document(newDocument("", roots[0]), kind); err != nil {
		return nil, err
	}
	b, err := r.finish()
	if err != nil {
		return nil, err
	}
	b.pruned = []store.Noun{noun}
	return b, nil
}

// ConnectionKey is the connection of a bundle that ReadData returned, "" for others.
func (b *Bundle) ConnectionKey() string {
	for _, i := range b.items {
		if i.source != nil {
			return i.source.object.Connection
		}
	}
	return ""
}

// reader reads documents into items and collects problems.
type reader struct {
	env      Env
	schemas  schemas
	bundle   *Bundle
	problems Problems
}

func newReader(env Env) *reader {
	return &reader{env: env, schemas: schemas{}, bundle: &Bundle{connections: map[string]*connectionDoc{}}}
}

// collect keeps problems and returns any other error.
func (r *reader) collect(err error) error {
	switch e := err.(type) {
	case nil:
		return nil
	case Problems:
		r.problems = append(r.problems, e...)
	case *stead.Error:
		r.problems = append(r.problems, e)
	default:
		return err
	}
	return nil
}

// document reads one document; assumed is its kind when it says none.
func (r *reader) document(d *document, assumed string) error {
	if d.root.kind != mapping {
		return r.collect(problem(d.source, "a document is a mapping that begins with kind"))
	}
	k := d.root.member("kind")
	switch {
	case k == nil && assumed != "":
		k = &node{kind: text, text: assumed, at: d.root.at}
		d.root.keys, d.root.items = append(d.root.keys, key{"kind", d.root.at}), append(d.root.items, k)
	case k == nil:
		return r.collect(problem(d.source, "kind is missing").WithHint("begin with kind: and one of %s", strings.Join(Kinds(), ", ")))
	case k.kind != text || !slices.Contains(Kinds(), k.text):
		return r.collect(problem(d.place("kind"), "is not a kind that is known").WithHint("the kinds are %s", strings.Join(Kinds(), ", ")))
	case assumed != "" && k.text != assumed:
		return r.collect(problem(d.place("kind"), "must be %s here", assumed))
	}
	d.kind = k.text
	if d.kind == "Policy" {
		return r.policy(d)
	}
	found, err := r.schemas.check(d)
	if err != nil {
		return err
	}
	if r.problems = append(r.problems, found...); len(found) > 0 {
		return nil
	}
	return r.byKind(d)
}

func (r *reader) byKind(d *document) error {
	switch d.kind {
	case "User":
		return fill(d, func(doc userDoc) { r.identity(d, stead.User, doc, nil) })
	case "Agent":
		return fill(d, func(doc agentDoc) { r.identity(d, stead.Agent, doc.userDoc, doc.Owner) })
	case "Group":
		return fill(d, func(doc groupDoc) { r.group(d, doc) })
	case "Connection":
		return fill(d, func(doc connectionDoc) { r.connection(d, doc) })
	case "DataSource":
		return fill(d, func(doc dataDoc) { r.data(d, doc) })
	case "Purpose":
		return fill(d, func(doc purposeDoc) { r.purpose(d, "", "", doc) })
	case "Project":
		return fill(d, func(doc projectDoc) { r.project(d, doc) })
	case "Subscription":
		return fill(d, func(doc subscriptionDoc) { r.subscription(d, doc) })
	case "Setting":
		return fill(d, func(doc settingDoc) { r.setting(d, doc) })
	default: // a test, which Tests reads; applying a bundle passes over it
		_, problems := readTest(d.file, d.root, nil)
		r.problems = append(r.problems, problems...)
		return nil
	}
}

// fill reads a document whose form was checked.
func fill[T any](d *document, use func(T)) error {
	var doc T
	if err := json.Unmarshal(d.root.json(), &doc); err != nil {
		return stead.AsError(err)
	}
	use(doc)
	return nil
}

// finish checks what can be checked over all documents.
func (r *reader) finish() (*Bundle, error) {
	first := map[string]*item{}
	for _, i := range r.bundle.items {
		at := string(i.noun) + "\x1f" + i.key
		if same := first[at]; same != nil {
			r.problems = append(r.problems, problem(i.place(""), "%s %q is described twice", i.noun.Words(), i.name).WithHint("the other stands at %s", same.place("")))
			continue
		}
		first[at] = i
	}
	r.problems = append(r.problems, r.bundle.order()...)
	if err := r.problems.Err(); err != nil {
		return nil, err
	}
	return r.bundle, nil
}
