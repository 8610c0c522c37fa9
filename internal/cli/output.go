package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// table prints rows below a header in columns as wide as their widest cell.
func (e *env) table(header []string, rows [][]string) error {
	t := newTableWriter(e.out, header)
	for _, r := range rows {
		t.measure(r)
	}
	if err := t.line(header); err != nil {
		return err
	}
	for _, r := range rows {
		if err := t.line(r); err != nil {
			return err
		}
	}
	return nil
}

// tableWriter prints lines whose cells are padded to the widths measured so far.
type tableWriter struct {
	out    io.Writer
	widths []int
}

func newTableWriter(out io.Writer, header []string) *tableWriter {
	t := &tableWriter{out: out, widths: make([]int, len(header))}
	t.measure(header)
	return t
}

func (t *tableWriter) measure(cells []string) {
	for i, c := range cells {
		t.widths[i] = max(t.widths[i], utf8.RuneCountInString(printable(c)))
	}
}

func (t *tableWriter) line(cells []string) error {
	var b strings.Builder
	for i, c := range cells {
		c = printable(c)
		b.WriteString(c)
		if i < len(cells)-1 {
			b.WriteString(strings.Repeat(" ", 2+max(0, t.widths[i]-utf8.RuneCountInString(c))))
		}
	}
	_, err := fmt.Fprintln(t.out, strings.TrimRight(b.String(), " "))
	return err
}

// printable escapes what would move the cursor or change the terminal: cells hold other people's text.
func printable(s string) string {
	if strings.IndexFunc(s, hostile) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		} else if hostile(r) {
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hostile(r rune) bool {
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}
