package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/fault"
)

func TestEveryKindHasItsStatus(t *testing.T) {
	t.Parallel()
	statuses := map[fault.Kind]int{
		fault.Internal: 500, fault.Malformed: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404,
		fault.Conflict: 409, fault.Stale: 412, fault.VersionRequired: 428, fault.TooLarge: 413, fault.UnsupportedMedia: 415,
		fault.Invalid: 422, fault.TooMany: 429, fault.Unavailable: 503,
	}
	require.Len(t, statuses, int(fault.Unavailable)+1, "a kind is missing here")
	for kind, status := range statuses {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			failure := fault.New(kind, "the_code", "For %s.", "people").Because(errors.New("hunter2"))
			failure.RetryAfter = 1500 * time.Millisecond
			failure.Fields = []fault.Field{{Name: "email", Message: "is required"}}
			d := newDoor(t, func(context.Context) error { return fmt.Errorf("wrapped: %w", failure) })
			response := d.do(t, http.MethodPost, "/test", okBody)
			require.Equal(t, status, response.Status)
			got := problem(t, response)
			require.NotContains(t, string(response.Body), "hunter2")
			require.Equal(t, status == http.StatusUnauthorized, response.Header.Get("WWW-Authenticate") != "")
			if kind == fault.Internal {
				require.Equal(t, "internal", got.Code)
				require.Contains(t, d.log.String(), "hunter2")
				return
			}
			require.Equal(t, "the_code", got.Code)
			require.Equal(t, "For people.", got.Detail)
			require.Equal(t, []app.ProblemField{{Field: "email", Message: "is required"}}, got.Errors)
			require.Equal(t, "2", response.Header.Get("Retry-After"))
		})
	}
}

func TestTextsOfInternalErrorsStayInside(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"plain":   func() error { return errors.New("hunter2") },
		"huma's":  func() error { return huma.Error500InternalServerError("hunter2", errors.New("hunter2")) },
		"joined":  func() error { return errors.Join(errors.New("hunter2"), errors.New("more")) },
		"wrapped": func() error { return fmt.Errorf("hunter2: %w", context.Canceled) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDoor(t, func(context.Context) error { return fail() })
			response := d.do(t, http.MethodPost, "/test", okBody)
			require.GreaterOrEqual(t, response.Status, 500)
			problem(t, response)
			require.NotContains(t, string(response.Body), "hunter2")
			require.Contains(t, d.log.String(), "level=ERROR")
		})
	}
}
