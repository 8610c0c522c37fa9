package audit

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"stead"
)

// Hash is the hash of one line of a chain.
type Hash [sha256.Size]byte

// MarshalText prints the hash in lower-case hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h[:])), nil }

// UnmarshalText reads what MarshalText prints, and nothing else.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) != hex.EncodedLen(len(h)) || !bytes.Equal(bytes.ToLower(b), b) {
		return fmt.Errorf("a hash has %d lower-case hexadecimal digits", hex.EncodedLen(len(h)))
	}
	_, err := hex.Decode(h[:], b)
	return err
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Head is where a chain ends. Kept outside of the folder, it lets verify find that the end was cut off.
type Head struct {
	Writer string `json:"writer"`
	Seq    int64  `json:"seq"`
	Hash   Hash   `json:"hash"`
}

// String prints "writer:seq:hash", what ParseHead reads.
func (h Head) String() string { return fmt.Sprintf("%s:%d:%s", h.Writer, h.Seq, h.Hash) }

// ParseHead reads "writer:seq:hash", or returns a stead.Invalid error.
func ParseHead(text string) (Head, error) {
	invalid := stead.Errorf(stead.Invalid, "%q is not the head of an audit log", text).
		WithHint(`give it as verify printed it: "writer:number:hash"`)
	part := strings.Split(text, ":")
	if len(part) != 3 || checkWriter(part[0]) != nil {
		return Head{}, invalid
	}
	h := Head{Writer: part[0]}
	seq, err := strconv.ParseInt(part[1], 10, 64)
	if err != nil || seq < 0 || strconv.FormatInt(seq, 10) != part[1] {
		return Head{}, invalid
	}
	h.Seq = seq
	if err := h.Hash.UnmarshalText([]byte(part[2])); err != nil {
		return Head{}, invalid
	}
	return h, nil
}

// Entry is one line: a record, or a checkpoint.
type Entry struct {
	Writer     string        `json:"writer"`
	Seq        int64         `json:"seq"`
	Prev       Hash          `json:"prev"`
	Record     *stead.Record `json:"record,omitempty"`
	Checkpoint *Checkpoint   `json:"checkpoint,omitempty"`
	Hash       Hash          `json:"hash"`
}

// A line ends with its hash, over every byte of the line before it.
const (
	hashPrefix = `,"hash":"`
	hashSuffix = "\"}\n"
	tailSize   = len(hashPrefix) + 2*sha256.Size + len(hashSuffix)
)

// appendLine appends the line of a body ("record" or "checkpoint") after head and returns the new head.
func appendLine(buf []byte, head Head, member string, body []byte) ([]byte, Head) {
	start := len(buf)
	buf = appendPrefix(buf, head)
	buf = append(append(buf, `,"`...), member...)
	buf = append(append(buf, `":`...), body...)
	head.Seq, head.Hash = head.Seq+1, sha256.Sum256(buf[start:])
	buf = hex.AppendEncode(append(buf, hashPrefix...), head.Hash[:])
	return append(buf, hashSuffix...), head
}

// appendPrefix appends how the line after head begins.
func appendPrefix(buf []byte, head Head) []byte {
	buf = append(append(buf, `{"writer":"`...), head.Writer...)
	buf = strconv.AppendInt(append(buf, `","seq":`...), head.Seq+1, 10)
	buf = hex.AppendEncode(append(buf, `,"prev":"`...), head.Hash[:])
	return append(buf, '"')
}

// hashOf reads the hash at the end of a whole line and reports whether it is that of the line's bytes.
func hashOf(line []byte) (Hash, bool) {
	var h Hash
	n := len(line) - tailSize
	if n < 0 || !bytes.HasPrefix(line[n:], []byte(hashPrefix)) || !bytes.HasSuffix(line, []byte(hashSuffix)) {
		return h, false
	}
	if err := h.UnmarshalText(line[n+len(hashPrefix) : len(line)-len(hashSuffix)]); err != nil {
		return h, false
	}
	return h, h == sha256.Sum256(line[:n])
}

// parseLine decodes a line strictly. It does not look at the hash.
func parseLine(line []byte) (Entry, error) {
	var e Entry
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return Entry{}, err
	}
	if d.More() {
		return Entry{}, fmt.Errorf("something follows the entry")
	}
	if (e.Record == nil) == (e.Checkpoint == nil) || e.Seq < 1 {
		return Entry{}, fmt.Errorf("neither a record nor a checkpoint")
	}
	return e, nil
}

// NewID makes the id of a record.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// checkWriter refuses what cannot name a writer in a file name, a line and a head.
func checkWriter(name string) error {
	ok := name != "" && len(name) <= 63 && name[0] != '-'
	for _, c := range []byte(name) {
		ok = ok && ('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-')
	}
	if ok {
		return nil
	}
	return stead.Errorf(stead.Invalid, "the audit writer's name %q is not made of a-z, 0-9 and -", name).
		WithHint("choose 1 to 63 of these characters, beginning with a letter or digit")
}

// IsWriter reports whether a writer can have the name.
func IsWriter(name string) bool { return checkWriter(name) == nil }

// body encodes a record for its line: complete, but with its statement and what may quote that cut.
func (l *Log) body(r *stead.Record) ([]byte, error) {
	if r.ID == "" {
		r.ID = NewID()
	}
	if r.Time.IsZero() {
		r.Time = l.opt.Now().UTC()
	}
	for _, text := range []*string{&r.Statement, &r.Reason, &r.Cause} {
		*text = cut(*text, l.opt.StatementLimit)
	}
	b, err := json.Marshal(r)
	if err != nil {
		return nil, stead.AsError(err)
	}
	if len(b) > maxBody {
		return nil, stead.Errorf(stead.Limit, "an audit record has more than %d bytes", maxBody).
			WithHint("name fewer tables or columns in one statement")
	}
	return b, nil
}

// cut shortens text to about limit bytes, between characters, and says how much is missing.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	n := limit
	for n > 0 && text[n]&0xc0 == 0x80 {
		n--
	}
	return fmt.Sprintf("%s... (%d bytes more)", text[:n], len(text)-n)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
