package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"
	"github.com/google/uuid"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/tenants"
)

var (
	requestIDPattern   = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)
	traceParentPattern = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
)

// exchange is what the middleware keeps of one request and its answer, for the log.
type exchange struct {
	requestID string
	problem   *Problem
}

type exchangeKey struct{}

// exchangeOf returns the request's exchange. A request that the server refused before the middleware
// ran gets one here.
func exchangeOf(c *fiber.Ctx) *exchange {
	if found, ok := c.Locals(exchangeKey{}).(*exchange); ok {
		return found
	}
	made := &exchange{requestID: newRequestID(c)}
	c.Locals(exchangeKey{}, made)
	c.Set(fiber.HeaderXRequestID, made.requestID)
	return made
}

func requestIDOf(c *fiber.Ctx) string { return exchangeOf(c).requestID }

// newRequestID keeps a valid id of the client, so that it can follow its request through our logs.
func newRequestID(c *fiber.Ctx) string {
	if given := c.Get(fiber.HeaderXRequestID); requestIDPattern.MatchString(given) {
		return utils.CopyString(given) // Fiber uses its memory again
	}
	return strings.ReplaceAll(uuid.Must(uuid.NewV7()).String(), "-", "")
}

// next runs what stands behind a middleware, whose errors are passed on as they are.
func next(c *fiber.Ctx) error { return c.Next() } //nolint:wrapcheck // see above

// identify gives the request its id, in the answer and in the context, and takes over the caller's
// trace context.
func identify(c *fiber.Ctx) error {
	ctx := tenants.WithRequestID(c.UserContext(), requestIDOf(c))
	if given := c.Get("traceparent"); validTraceParent(given) {
		ctx = tenants.WithTraceParent(ctx, utils.CopyString(given))
	}
	c.SetUserContext(ctx)
	return next(c)
}

// validTraceParent follows the W3C's Trace Context: version ff and ids of zeros are invalid.
func validTraceParent(given string) bool {
	return traceParentPattern.MatchString(given) && given[:2] != "ff" &&
		strings.Trim(given[3:35], "0") != "" && strings.Trim(given[36:52], "0") != ""
}

// harden tells browsers to take an answer for nothing but what it is, and nobody to keep it.
func harden(c *fiber.Ctx) error {
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
	c.Set(fiber.HeaderCacheControl, "no-store")
	return next(c)
}

// logAccess writes one line for each request, with its cause when it failed. It holds no query, no
// header and no body: tokens and people's data are in those.
func logAccess(log *slog.Logger, now func() time.Time) fiber.Handler {
	return func(c *fiber.Ctx) error {
		began := now()
		if err := next(c); err != nil {
			if err := c.App().ErrorHandler(c, err); err != nil {
				return err //nolint:wrapcheck // it could not even write the answer
			}
		}
		status := c.Response().StatusCode()
		attributes := append(accessAttributes(c), slog.Int("status", status), slog.Duration("duration", now().Sub(began)))
		log.LogAttrs(c.UserContext(), accessLevel(c.Path(), status), "request", append(attributes, failure(c)...)...)
		return nil
	}
}

func accessLevel(path string, status int) slog.Level {
	switch {
	case status >= fiber.StatusInternalServerError:
		return slog.LevelError
	case path == healthPath || path == readyPath:
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

func accessAttributes(c *fiber.Ctx) []slog.Attr {
	attributes := []slog.Attr{
		slog.String("request_id", requestIDOf(c)),
		slog.String("method", utils.CopyString(c.Method())),
		slog.String("route", c.Route().Path),
	}
	if actor, scope, err := tenants.Access(c.UserContext()); err == nil {
		return append(attributes, slog.String("tenant", scope.Slug()), slog.String("actor", actor.UserID))
	}
	if operator, err := tenants.OperatorFrom(c.UserContext()); err == nil {
		return append(attributes, slog.String("actor", operator.UserID))
	}
	return attributes
}

// failure tells the code that the client saw and, for what is our fault, what the client did not see.
func failure(c *fiber.Ctx) []slog.Attr {
	problem := exchangeOf(c).problem
	if problem == nil {
		return nil
	}
	attributes := []slog.Attr{slog.String("code", problem.Code)}
	if problem.Status >= fiber.StatusInternalServerError && problem.cause != nil {
		attributes = append(attributes, slog.String("error", causeText(problem.cause)))
	}
	return attributes
}

// recovered is a panic that became an error.
type recovered struct {
	value any
	stack []byte
}

func (r *recovered) Error() string { return fmt.Sprintf("panic: %v\n%s", r.value, r.stack) }

func recoverPanic(c *fiber.Ctx) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &recovered{value: value, stack: debug.Stack()}
		}
	}()
	return next(c)
}

// limitTime gives the request a deadline, which all that it does takes from its context.
func limitTime(limit time.Duration) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(c.UserContext(), limit)
		defer cancel()
		c.SetUserContext(ctx)
		return next(c)
	}
}

// checkTarget refuses what net/url cannot read, since what comes later relies on it.
func checkTarget(c *fiber.Ctx) error {
	if _, err := url.ParseRequestURI(c.OriginalURL()); err != nil {
		return fault.New(fault.Malformed, "bad_target", "The address of the request could not be read.").Because(err)
	}
	return next(c)
}

// checkBody takes JSON only. A compressed body is refused, because a small one can become endless.
func checkBody(c *fiber.Ctx) error {
	if len(c.Request().Body()) == 0 {
		return next(c)
	}
	mediaType, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	encoding := c.Get(fiber.HeaderContentEncoding)
	if err != nil || mediaType != fiber.MIMEApplicationJSON || encoding != "" && encoding != "identity" {
		return fault.New(fault.UnsupportedMedia, "unsupported_media_type", "Send the body as application/json, not compressed.")
	}
	c.Request().Header.SetContentType(fiber.MIMEApplicationJSON) // in the one spelling that huma knows
	return next(c)
}

// causeText is for the log: what went wrong behind an answer that tells less.
func causeText(err error) string {
	known, ok := errors.AsType[*fault.Error](err)
	if !ok || known.Unwrap() == nil {
		return err.Error()
	}
	return known.Message + " " + known.Unwrap().Error()
}
