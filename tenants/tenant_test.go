package tenants_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/rest"
	"github.com/tenantry/tenantry/tenants"
)

func TestCheckSlug(t *testing.T) {
	t.Parallel()
	for _, slug := range []string{"acme", "a-b", "abc", "a1b2", "pgx", strings.Repeat("a", 40), "deadbeef"} {
		require.Empty(t, tenants.CheckSlug(slug), slug)
	}
	for _, slug := range []string{
		"", "a", "ab", "-ab", "ab-", "1ab", "Acme", "a_b", "a.b", "a/b", "a b", "acme\n", "äöü", "admin", "public", "pg-x",
		strings.Repeat("a", 41), "a>b", "a*b", "abcdef12-0000-4000-8000-000000000000",
	} {
		require.NotEmpty(t, tenants.CheckSlug(slug), slug)
	}
}

func FuzzCheckSlug(f *testing.F) {
	for _, seed := range []string{"acme", "", "a--b", "admin", "pg-1", "a\n", "ＡＢＣ", uuid.NewString()} {
		f.Add(seed)
	}
	harmless := regexp.MustCompile(`\A[a-z][a-z0-9-]{1,38}[a-z0-9]\z`)
	f.Fuzz(func(t *testing.T, slug string) {
		if len(tenants.CheckSlug(slug)) > 0 {
			return
		}
		require.Regexp(t, harmless, slug)
		_, err := uuid.Parse(slug)
		require.True(t, err != nil || len(slug) != 36, "a slug that is an id")
		require.False(t, strings.HasPrefix(slug, "pg-"))
		require.NotContains(t, []string{"admin", "public"}, slug)
	})
}

func FuzzListCursor(f *testing.F) {
	for _, seed := range []string{"", "ImFjbWUi", "YWNtZQ", "YWNtZR", "\x00", "Jw"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		after, err := tenants.After(cursor)
		if err == nil && cursor != "" {
			again, err := rest.EncodeCursor(after)
			require.NoError(t, err)
			require.Equal(t, cursor, again, "one cursor has one form")
		}
	})
}
