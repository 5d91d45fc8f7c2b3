package app

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/tenantry/tenantry/app/fault"
)

// useProblems makes huma answer with problems. Its hook is a variable of the package, so it is set once
// for the process and holds nothing of a server.
//
//nolint:gochecknoglobals // huma's hook is global
var useProblems = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		problem := refusal(status, errs)
		if problem.cause = errors.Join(errs...); problem.cause == nil {
			problem.cause = errors.New(message)
		}
		return problem
	}
})

// completeProblem is where huma's problems get what belongs to their request.
func completeProblem(ctx huma.Context, _ string, body any) (any, error) {
	if problem, ok := body.(*Problem); ok {
		prepare(humafiber.Unwrap(ctx), problem)
	}
	return body, nil
}

// refusal turns what huma found into a problem: an error of a handler, or what its validation reports.
// Huma's own words are not shown.
func refusal(status int, errs []error) *Problem {
	if status >= http.StatusInternalServerError {
		return problemOf(errors.Join(errs...))
	}
	fields, parameters := fieldsOf(errs)
	switch {
	case status == http.StatusBadRequest && len(errs) == 0:
		return newProblem(status, "body_required", "This takes a body of JSON.")
	case status == http.StatusBadRequest:
		return newProblem(status, "bad_json", "The body is not valid JSON.")
	case status == http.StatusUnprocessableEntity && parameters:
		malformed := fault.New(fault.Malformed, "bad_parameter", "Some parameters are not valid.")
		malformed.Fields = fields
		return problemOfFault(malformed)
	case status == http.StatusUnprocessableEntity && len(fields) > 0:
		return problemOf(fault.InvalidFields(fields))
	default:
		return problemOfStatus(status)
	}
}

// fieldsOf lists the mistakes, one of each field, and tells whether any is in a parameter and not in
// the body. What a module's own rule says comes later and in better words, so it replaces what the
// schema says, unless the value is not even of the right type.
func fieldsOf(errs []error) (fields []fault.Field, parameters bool) {
	found := map[string]fault.Field{}
	for _, err := range errs {
		detail, ok := errors.AsType[*huma.ErrorDetail](err)
		if !ok {
			continue
		}
		place, path, _ := strings.Cut(detail.Location, ".")
		field := fieldOf(path, detail.Message)
		parameters = parameters || place != "body"
		if !ofWrongType(found[field.Name].Message) {
			found[field.Name] = field
		}
	}
	fields = slices.SortedFunc(maps.Values(found), func(a, b fault.Field) int { return strings.Compare(a.Name, b.Name) })
	return fields, parameters
}

func ofWrongType(message string) bool {
	switch message {
	case validation.MsgExpectedString, validation.MsgExpectedInteger, validation.MsgExpectedNumber,
		validation.MsgExpectedBoolean, validation.MsgExpectedObject, validation.MsgExpectedArray:
		return true
	default:
		return false
	}
}

// fieldOf names a field that is missing by its own path; huma names the object that misses it.
func fieldOf(path, message string) fault.Field {
	var missing string
	if _, err := fmt.Sscanf(message, validation.MsgExpectedRequiredProperty, &missing); err == nil {
		return fault.Field{Name: strings.TrimPrefix(path+"."+missing, "."), Message: "is required"}
	}
	if path == "" {
		path = "body"
	}
	return fault.Field{Name: path, Message: message}
}
