package app

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/tenantry/tenantry/app/fault"
)

// problemType is the media type of all errors (RFC 9457).
const problemType = "application/problem+json"

// Problem is the body of every error answer.
type Problem struct { //nolint:errname // it is the answer first, and an error for huma's sake
	// Type is "about:blank": the status and the code say it all.
	Type string `json:"type" example:"about:blank" doc:"Always about:blank; the code tells problems apart."`
	// Title is the status in words.
	Title string `json:"title" example:"Not Found" doc:"The status in words."`
	// Status is the HTTP status.
	Status int `json:"status" example:"404" doc:"The HTTP status."`
	// Detail is for people.
	Detail string `json:"detail" example:"There is no such user." doc:"What happened, for people."`
	// Code is stable and for programs.
	Code string `json:"code" example:"user_not_found" doc:"What happened, for programs; it never changes."`
	// RequestID is what to name when asking for help.
	RequestID string `json:"request_id" example:"01942e3c7d4c7b6e9f5e0c6a3b7d2f11" doc:"What to name when you ask for help."`
	// Errors are the fields that are not valid, all of them.
	Errors []ProblemField `json:"errors,omitempty" doc:"The fields or parameters that are not valid, all of them at once."`

	retryAfter time.Duration
	cause      error
}

// ProblemField is one field or parameter that is not valid.
type ProblemField struct {
	// Field is its path as the client wrote it.
	Field string `json:"field" example:"email"`
	// Message says what is wrong and what would be right.
	Message string `json:"message" example:"is required"`
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus tells huma the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType tells huma the media type.
func (p *Problem) ContentType(string) string { return problemType }

// statusOf is the one table from what went wrong to the HTTP status.
func statusOf(kind fault.Kind) int {
	statuses := map[fault.Kind]int{
		fault.Malformed:        http.StatusBadRequest,
		fault.Unauthenticated:  http.StatusUnauthorized,
		fault.Forbidden:        http.StatusForbidden,
		fault.NotFound:         http.StatusNotFound,
		fault.Conflict:         http.StatusConflict,
		fault.Stale:            http.StatusPreconditionFailed,
		fault.TooLarge:         http.StatusRequestEntityTooLarge,
		fault.UnsupportedMedia: http.StatusUnsupportedMediaType,
		fault.Invalid:          http.StatusUnprocessableEntity,
		fault.VersionRequired:  http.StatusPreconditionRequired,
		fault.TooMany:          http.StatusTooManyRequests,
		fault.Unavailable:      http.StatusServiceUnavailable,
		fault.Internal:         http.StatusInternalServerError,
	}
	if status, ok := statuses[kind]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// problemOf turns any error into what the client may see of it.
func problemOf(err error) *Problem {
	if known, ok := errors.AsType[*fault.Error](err); ok {
		return problemOfFault(known)
	}
	if problem, ok := errors.AsType[*Problem](err); ok {
		return problem
	}
	if routing, ok := errors.AsType[*fiber.Error](err); ok {
		return problemOfStatus(routing.Code)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		late := fault.New(fault.Unavailable, "timeout", "It took too long; try again.")
		late.RetryAfter = time.Second
		return problemOfFault(late)
	}
	return problemOfStatus(http.StatusInternalServerError)
}

func problemOfFault(known *fault.Error) *Problem {
	if known.Kind == fault.Internal {
		return problemOfStatus(http.StatusInternalServerError)
	}
	p := newProblem(statusOf(known.Kind), known.Code, known.Message)
	p.retryAfter = known.RetryAfter
	for _, field := range known.Fields {
		p.Errors = append(p.Errors, ProblemField{Field: field.Name, Message: field.Message})
	}
	return p
}

// problemOfStatus is for what the server and the router refuse before any of our code runs. Their own
// texts are not shown.
func problemOfStatus(status int) *Problem {
	switch status {
	case http.StatusNotFound:
		return newProblem(status, "not_found", "There is nothing at this address.")
	case http.StatusMethodNotAllowed:
		return newProblem(status, "method_not_allowed", "This address does not take this method.")
	case http.StatusRequestEntityTooLarge:
		return newProblem(status, "too_large", "The body is too large.")
	case http.StatusUnsupportedMediaType:
		return newProblem(status, "unsupported_media_type", "Send the body as application/json.")
	case http.StatusRequestTimeout:
		return newProblem(status, "request_timeout", "The request took too long to arrive.")
	case http.StatusRequestHeaderFieldsTooLarge:
		return newProblem(status, "headers_too_large", "The headers of the request are too large.")
	}
	if status >= http.StatusBadRequest && status < http.StatusInternalServerError {
		return newProblem(status, "bad_request", "The request could not be read.")
	}
	return newProblem(http.StatusInternalServerError, "internal", "Something went wrong on our side.")
}

func newProblem(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// writeError is where Fiber's errors become answers.
func writeError(c *fiber.Ctx, err error) error {
	c.Response().ResetBody()
	problem := problemOf(err)
	problem.cause = err
	prepare(c, problem)
	return c.Status(problem.Status).JSON(problem, problemType) //nolint:wrapcheck // nothing is left to tell
}

// prepare names the request in a problem, sets the headers that belong to it, and keeps it for the log.
func prepare(c *fiber.Ctx, problem *Problem) {
	problem.RequestID = requestIDOf(c)
	if problem.Status == http.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
	}
	if problem.retryAfter > 0 {
		seconds := int64(math.Ceil(problem.retryAfter.Seconds()))
		c.Set(fiber.HeaderRetryAfter, strconv.FormatInt(seconds, 10))
	}
	exchangeOf(c).problem = problem
}
