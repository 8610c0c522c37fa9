package audit

import (
	"bytes"
	"fmt"
	"io"
)

// lines reads whole lines of at most maxLine bytes.
type lines struct {
	r        io.Reader
	buf      []byte
	from, to int
	eof      bool
}

func newLines(r io.Reader) *lines { return &lines{r: r, buf: make([]byte, 256<<10)} }

// next returns the next line with its newline, valid until the next call. At the end it returns io.EOF
// and what is left that is no whole line.
func (l *lines) next() ([]byte, error) {
	searched := 0
	for {
		if i := bytes.IndexByte(l.buf[l.from+searched:l.to], '\n'); i >= 0 {
			line := l.buf[l.from : l.from+searched+i+1]
			l.from += len(line)
			return line, nil
		}
		searched = l.to - l.from
		if searched > maxLine {
			return nil, fmt.Errorf("a line has more than %d bytes", maxLine)
		}
		if l.eof {
			return l.buf[l.from:l.to], io.EOF
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}

func (l *lines) fill() error {
	copy(l.buf, l.buf[l.from:l.to])
	l.from, l.to = 0, l.to-l.from
	if l.to == len(l.buf) {
		l.buf = append(l.buf, make([]byte, len(l.buf))...)
	}
	n, err := l.r.Read(l.buf[l.to:])
	l.to += n
	if err == io.EOF {
		l.eof = true
		return nil
	}
	return err
}

// reverse reads the lines of a file from its end, in pieces.
type reverse struct {
	r   io.ReaderAt
	off int64 // of what was read into buf
	buf []byte
}

const piece = 256 << 10

// newReverse reads backwards from size, which is the end of a line.
func newReverse(r io.ReaderAt, size int64) *reverse { return &reverse{r: r, off: size} }

// next returns the line before, with its newline, or io.EOF at the beginning of the file.
func (v *reverse) next() ([]byte, error) {
	for {
		if n := len(v.buf); n > 0 {
			i := bytes.LastIndexByte(v.buf[:n-1], '\n')
			if i >= 0 || v.off == 0 {
				line := v.buf[i+1:]
				v.buf = v.buf[:i+1]
				return line, nil
			}
			if n > maxLine {
				return nil, fmt.Errorf("a line has more than %d bytes", maxLine)
			}
		} else if v.off == 0 {
			return nil, io.EOF
		}
		n := min(piece, v.off)
		b := make([]byte, n, int(n)+len(v.buf))
		if _, err := v.r.ReadAt(b, v.off-n); err != nil {
			return nil, err
		}
		v.buf, v.off = append(b, v.buf...), v.off-n
	}
}
