package pushtest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"stead"
	"stead/internal/push"
	"stead/policy/eval"
	"stead/policy/expr"
)

// Data is one row by column.
type Data map[string]expr.Value

// Asked is who asks the model what, and when.
type Asked struct {
	Login   string // the platform's role
	InStead string // "name" or "iam:name", "" for nobody
	Source  stead.SourceID
	At      time.Time
}

// errNothing is the answer to whoever is nobody here, or does not reach the source.
var errNothing = errors.New("nothing is shown")

// Key is the model's hash key of an id.
func Key(id string) (string, error) {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:]), nil
}

// Ask returns what is shown of the rows, worked out from profile tables and objects alone; nil when nothing is. The error
// says what is broken.
func (m *Model) Ask(q Asked, rows []Data) ([]Data, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id, err := m.subject(q.Login, q.InStead)
	if err == nil {
		_, err = m.reaches(id, q.Source)
	}
	if errors.Is(err, errNothing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m.shown(id, q, rows)
}

// Writes reports whether the asker may write the source.
func (m *Model) Writes(q Asked) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	id, err := m.subject(q.Login, q.InStead)
	if err != nil {
		return false
	}
	access, err := m.reaches(id, q.Source)
	return err == nil && access == "w"
}

// find returns the row whose first columns are these.
func (m *Model) find(t push.Table, key ...string) (push.Row, bool) {
	for r := range m.tables[t] {
		if strings.Join(r[:len(key)], "\x00") == strings.Join(key, "\x00") {
			return r, true
		}
	}
	return push.Row{}, false
}

func (m *Model) subject(role, inStead string) (string, error) {
	if len(m.tables[push.Switches]) > 0 {
		return "", errNothing
	}
	login, ok := m.find(push.Logins, role)
	native := m.Native[role]
	if !ok && (!native || inStead == "") {
		return "", errNothing
	}
	if login[1] != "" {
		if _, known := m.find(push.Identities, login[1]); !known {
			return "", errNothing
		}
	}
	if inStead == "" {
		who, known := m.find(push.Identities, login[1])
		if login[2] != "t" || !known || who[3] != "t" {
			return "", errNothing
		}
		return login[1], nil
	}
	return m.inStead(login[1], native, inStead)
}

func (m *Model) inStead(actor string, native bool, of string) (string, error) {
	iam, name, found := strings.Cut(of, ":")
	if !found {
		iam, name = stead.DefaultIAM, of
	}
	for r := range m.tables[push.Identities] {
		if r[1] != iam || r[2] != name || r[3] != "t" || r[4] != "t" {
			continue
		}
		_, one := m.find(push.StandIns, actor, r[0])
		_, all := m.find(push.StandIns, actor, "*")
		_, any := m.find(push.StandIns, actor)
		if actor != "" && (one || all) || native && (actor == "" || !any) {
			return r[0], nil
		}
	}
	return "", errNothing
}

// reaches returns "r" or "w".
func (m *Model) reaches(id string, source stead.SourceID) (string, error) {
	number := strconv.FormatInt(int64(source), 10)
	served, ok := m.find(push.Served, number)
	if !ok || served[2] != "t" {
		return "", errNothing
	}
	who, _ := m.find(push.Identities, id)
	if _, in := m.find(push.Scopes, id, number); who[5] != "f" && !in {
		return "", errNothing
	}
	member, ok := m.find(push.Members, served[1], id)
	if !ok {
		return "", errNothing
	}
	return member[2], nil
}

func (m *Model) shown(id string, q Asked, rows []Data) ([]Data, error) {
	s := m.objects[q.Source]
	if s == nil || s.Refused != "" {
		return nil, fmt.Errorf("source %d is served and not there", q.Source)
	}
	who, _ := m.find(push.Identities, id)
	l := lookup{m: m, subject: who, source: s.ID, facts: &expr.Facts{UserName: who[2], IAM: who[1], NowMicros: q.At.UnixMicro(), Attributes: map[string][]string{}}}
	env := eval.Env{Facts: l.facts, Key: l.key}
	out := []Data{}
	for _, row := range rows {
		value := func(n expr.Node) (expr.Value, error) {
			resolved, err := l.resolve(n)
			if err != nil {
				return expr.Null, err
			}
			return eval.Eval(resolved, func(c string) expr.Value { return row[c] }, env)
		}
		v, err := value(s.Rows)
		if err != nil {
			return nil, err
		}
		if !v.Valid || !v.Bool {
			continue
		}
		shown := Data{}
		for i := range s.Columns {
			if shown[s.Columns[i].Name], err = value(s.Columns[i].Shown); err != nil {
				return nil, err
			}
		}
		out = append(out, shown)
	}
	return out, nil
}

// lookup answers slots for one subject and source.
type lookup struct {
	m       *Model
	subject push.Row
	source  stead.SourceID
	facts   *expr.Facts
}

func (l *lookup) key(id string) (string, error) {
	if n, ok := strings.CutPrefix(id, "shared/"); ok {
		id = "source/" + n
		if l.subject[6] != "" {
			id = l.subject[6]
		}
	}
	if !l.m.keys[id] {
		return "", fmt.Errorf("key %q was never pushed", id)
	}
	return Key(id)
}

// resolve puts answers in place of slots: constants, and lists of texts as attributes of a made-up subject.
func (l *lookup) resolve(n expr.Node) (expr.Node, error) {
	switch n := n.(type) {
	case expr.Call:
		args := make([]expr.Node, len(n.Args))
		for i, a := range n.Args {
			var err error
			if args[i], err = l.resolve(a); err != nil {
				return nil, err
			}
		}
		n.Args = args
		return n, nil
	case expr.Subject:
		switch n.Fact {
		case expr.SlotHolds, expr.SlotContains:
			return l.slot(n)
		case expr.UserName, expr.UserIAM, expr.Now, expr.Today:
			return n, nil
		default:
			return nil, fmt.Errorf("fact %d was pushed", n.Fact)
		}
	default:
		return n, nil
	}
}

func (l *lookup) slot(n expr.Subject) (expr.Node, error) {
	row, ok := l.m.find(push.Slots, strconv.FormatInt(int64(l.source), 10), n.Key)
	if !ok {
		return nil, fmt.Errorf("source %d has no slot %q", l.source, n.Key)
	}
	if n.Fact == expr.SlotHolds {
		if row[2] != push.SlotFact {
			return nil, fmt.Errorf("slot %q is no fact", n.Key)
		}
		_, holds := l.m.find(push.Facts, row[3], l.subject[0])
		return expr.BoolLit(holds), nil
	}
	var texts []string
	for r := range l.m.tables[push.Values] {
		if r[0] == l.subject[0] && r[1] == row[2] && r[2] == row[3] {
			texts = append(texts, r[3])
		}
	}
	if len(texts) == 0 && row[4] == "t" {
		texts = []string{row[5]}
	}
	arg, err := l.resolve(n.Arg)
	if err != nil {
		return nil, err
	}
	name := "slot " + n.Key
	l.facts.Attributes[name] = texts
	return expr.Subject{Fact: expr.AttributeContains, Key: name, Arg: arg}, nil
}
