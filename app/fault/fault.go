// Package fault is the one vocabulary for errors that people or programs may see.
//
// An error that is no *Error is internal: doors answer it with a fixed text and log it. The Kind
// of an error decides the HTTP status, the exit code, and whether a worker tries again.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what went wrong, in terms of what the caller can do about it.
type Kind uint8

// The kinds. Internal is the zero value, so that an error nobody classified stays internal.
const (
	// Internal is a defect or a surprise; its text never leaves the process.
	Internal Kind = iota
	// Malformed means that a request could not be read: broken JSON, a bad parameter or cursor.
	Malformed
	// Unauthenticated means that there is no token, or one that does not verify.
	Unauthenticated
	// Forbidden means that the actor is known but may not do this.
	Forbidden
	// NotFound means that this tenant has no such thing.
	NotFound
	// Conflict means that it exists already, or is being made at this moment.
	Conflict
	// Stale means that the version the caller saw is not the current one.
	Stale
	// VersionRequired means that the caller must say which version it saw.
	VersionRequired
	// TooLarge means that the request's body is over the limit.
	TooLarge
	// UnsupportedMedia means that the body is not of a type this door reads.
	UnsupportedMedia
	// Invalid means that fields break a rule; Fields lists all of them.
	Invalid
	// TooMany means that a limit of the tenant was reached; RetryAfter says when to come again.
	TooMany
	// Unavailable means that something this depends on is away; trying again later may help.
	Unavailable
)

// Retryable reports whether doing the same again later can succeed. Workers retry only such errors.
func (k Kind) Retryable() bool {
	switch k {
	case Internal, Conflict, Stale, TooMany, Unavailable:
		return true
	default:
		return false
	}
}

// Field is one mistake in the input.
type Field struct {
	// Name is the path of the field as the caller wrote it, for example "email".
	Name string
	// Message says what is wrong and what would be right.
	Message string
}

// Error is an error whose text is meant for the caller.
type Error struct {
	// Kind is what the caller can do about it.
	Kind Kind
	// Code is stable and for programs, for example "email_taken".
	Code string
	// Message is for people; it holds no secrets and nothing of another tenant.
	Message string
	// Fields lists the invalid fields, all of them at once.
	Fields []Field
	// RetryAfter is how long to wait before trying again; zero when unknown.
	RetryAfter time.Duration

	cause error
}

// New makes an error of a kind with a code for programs and a text for people.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// InvalidFields makes an Invalid error out of the mistakes found, or nil when there are none.
func InvalidFields(fields []Field) error {
	if len(fields) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Code: "invalid", Message: "Some fields are not valid.", Fields: fields}
}

// Because attaches the cause, which is for the log only: it is neither shown nor part of Error().
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// Error returns the text for people.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// KindOf returns the kind of the first *Error in err's chain, or Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of the first *Error in err's chain, or "internal".
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return "internal"
}
