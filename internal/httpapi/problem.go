package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"stead"
)

// Problem is an error as RFC 9457 spells it, with stead's code and hint.
type Problem struct {
	Type   string  `json:"type" doc:"about:blank: title and code say what it is"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty" doc:"What was refused or went wrong"`
	Code   string  `json:"code" doc:"Stable name of the kind of error"`
	Hint   string  `json:"hint,omitempty" doc:"What to do next"`
	Place  *Place  `json:"place,omitempty" doc:"Where in what was sent"`
	Errors []Fault `json:"errors,omitempty" doc:"Every mistake, when there are several"`
	// Request is the id under which the server's log has the cause.
	Request string `json:"requestId,omitempty"`

	cause error
}

// Place says where in what was sent an error lies.
type Place struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Path   string `json:"path,omitempty"`
}

// Fault is one of several mistakes.
type Fault struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Place   *Place `json:"place,omitempty"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// statusOf is the one table from codes to statuses.
func statusOf(c stead.Code) int {
	switch c {
	case stead.Invalid:
		return http.StatusUnprocessableEntity
	case stead.Unauthenticated:
		return http.StatusUnauthorized
	case stead.Denied:
		return http.StatusForbidden
	case stead.NotFound:
		return http.StatusNotFound
	case stead.Conflict:
		return http.StatusConflict
	case stead.Unsupported:
		return http.StatusNotImplemented
	case stead.Limit:
		return http.StatusRequestEntityTooLarge
	case stead.Unavailable, stead.Canceled:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// problemOf spells an error for whoever asked. Its cause stays behind, for the log.
func problemOf(err error) *Problem {
	var done *Problem
	if errors.As(err, &done) {
		return done
	}
	many := mistakes(err)
	if len(many) == 0 {
		return spell(stead.AsError(err))
	}
	p := spell(many[0])
	for _, e := range many[:min(len(many), maxFaults)] {
		p.Errors = append(p.Errors, Fault{Message: e.Message, Hint: e.Hint, Place: placeOf(e.Place)})
	}
	if more := len(many) - maxFaults; more > 0 {
		p.Errors = append(p.Errors, Fault{Message: fmt.Sprintf("and %d more", more)})
	}
	return p
}

// maxFaults is how many mistakes one answer lists.
const maxFaults = 200

// mistakes lists what an error holds when it is a list of stead's errors, as reading documents gives it. Causes are not looked into.
func mistakes(err error) []*stead.Error {
	for err != nil {
		if _, ok := err.(*stead.Error); ok {
			return nil
		}
		list, ok := err.(interface{ Unwrap() []error })
		if !ok {
			err = errors.Unwrap(err)
			continue
		}
		var out []*stead.Error
		for _, e := range list.Unwrap() {
			one, ok := e.(*stead.Error)
			if !ok {
				return nil // not a list of our own: its text is not for the asker
			}
			out = append(out, one)
		}
		return out
	}
	return nil
}

func spell(e *stead.Error) *Problem {
	status := statusOf(e.Code)
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: e.Message,
		Code: e.Code.String(), Hint: e.Hint, Place: placeOf(e.Place), cause: e.Cause}
}

func placeOf(p stead.Place) *Place {
	if p == (stead.Place{}) {
		return nil
	}
	return &Place{File: p.File, Line: p.Line, Column: p.Column, Path: p.Path}
}

// ownProblem turns the framework's errors into ours. What they echo of the request is left out: it may be a secret.
func ownProblem(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := &Problem{Type: "about:blank", Title: http.StatusText(m.Status), Status: m.Status, Detail: m.Detail, Code: codeOf(m.Status).String()}
	for _, d := range m.Errors {
		if d == nil {
			continue
		}
		p.Errors = append(p.Errors, Fault{Message: d.Message, Place: placeOf(stead.Place{Path: strings.TrimPrefix(d.Location, "body.")})})
	}
	if len(p.Errors) > 0 {
		p.Detail, p.Place = p.Errors[0].Message, p.Errors[0].Place
	}
	if m.Status >= http.StatusInternalServerError {
		p.Detail, p.Errors, p.Place = "internal error", nil, nil
	}
	return p, nil
}

// codeOf reads a status the framework chose.
func codeOf(status int) stead.Code {
	switch {
	case status == http.StatusRequestEntityTooLarge, status == http.StatusTooManyRequests:
		return stead.Limit
	case status == http.StatusNotFound:
		return stead.NotFound
	case status == http.StatusRequestTimeout:
		return stead.Canceled
	case status >= http.StatusInternalServerError:
		return stead.Internal
	default:
		return stead.Invalid
	}
}

// documentProblem describes every operation's errors.
func documentProblem(doc *huma.OpenAPI, op *huma.Operation) {
	r := doc.Components.Schemas
	op.Responses["default"] = &huma.Response{Description: "Problem details", Content: map[string]*huma.MediaType{
		"application/problem+json": {Schema: r.Schema(reflect.TypeFor[Problem](), true, "Problem")}}}
	delete(r.Map(), "ErrorModel")
	delete(r.Map(), "ErrorDetail")
}

// writeProblem answers outside the framework.
func writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	p.Request = callOf(r.Context()).id
	text, _ := json.Marshal(p) // texts and numbers always encode
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(text, '\n'))
}
