package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// showDocument prints a document as JSON, or as indented "name: value" lines in the order of its JSON.
func (e *env) showDocument(v any) error {
	if e.output == "json" {
		return e.printJSON(v)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeLines(e.out, text)
}

// writeLines prints JSON as lines: members below each other, lists of plain values on one line.
func writeLines(w io.Writer, text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	t, err := d.Token()
	if err != nil {
		return err
	}
	var b strings.Builder
	if t == json.Delim('{') {
		err = writeMembers(&b, d, "")
	} else {
		return errors.New("a document is a JSON object")
	}
	if err == nil {
		_, err = io.WriteString(w, b.String())
	}
	return err
}

func writeMembers(b *strings.Builder, d *json.Decoder, indent string) error {
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "%s%s:", indent, printable(name.(string))) // a member's name is always a text
		if err := writeValue(b, d, indent); err != nil {
			return err
		}
	}
	_, err := d.Token() // the closing brace
	return err
}

func writeValue(b *strings.Builder, d *json.Decoder, indent string) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		b.WriteByte('\n')
		return writeMembers(b, d, indent+"  ")
	case json.Delim('['):
		return writeList(b, d, indent)
	}
	fmt.Fprintf(b, " %s\n", scalarText(t))
	return nil
}

func writeList(b *strings.Builder, d *json.Decoder, indent string) error {
	var plain []string
	block := false
	for d.More() {
		var item json.RawMessage
		if err := d.Decode(&item); err != nil {
			return err
		}
		if item[0] != '{' && item[0] != '[' {
			plain = append(plain, strings.TrimSpace(inline(item)))
			continue
		}
		if !block {
			b.WriteByte('\n')
			block = true
		}
		var sub strings.Builder
		inner := json.NewDecoder(bytes.NewReader(item))
		inner.UseNumber()
		if err := writeItem(&sub, inner, indent+"  "); err != nil {
			return err
		}
		b.WriteString(sub.String())
	}
	if len(plain) > 0 || !block {
		fmt.Fprintf(b, " [%s]\n", strings.Join(plain, ", "))
	}
	_, err := d.Token() // the closing bracket
	return err
}

// writeItem writes an object of a list with a dash before its first member.
func writeItem(b *strings.Builder, d *json.Decoder, indent string) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	var sub strings.Builder
	if t == json.Delim('{') {
		err = writeMembers(&sub, d, indent+"  ")
	} else {
		err = writeList(&sub, d, indent)
	}
	text := sub.String()
	if strings.HasPrefix(text, indent+"  ") {
		text = indent + "- " + strings.TrimPrefix(text, indent+"  ")
	}
	b.WriteString(text)
	return err
}

func inline(item json.RawMessage) string {
	var v any
	d := json.NewDecoder(bytes.NewReader(item))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return string(item)
	}
	return scalarText(v)
}

func scalarText(v any) string {
	if v == nil {
		return "null"
	}
	return printable(fmt.Sprint(v))
}
