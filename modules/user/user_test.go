package user_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/aggregate"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/modules/user"
	"github.com/tenantry/tenantry/modules/user/userevents"
)

const adaID = "01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11"

func newUser(t *testing.T) (u *user.User, later time.Time) {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	u, err := user.New(adaID, "ada@example.com", "Ada", user.Member, now)
	require.NoError(t, err)
	require.Equal(t, now, u.CreatedAt)
	require.Equal(t, now, u.UpdatedAt)
	require.Equal(t, user.Active, u.Status)
	require.Equal(t, []aggregate.Event{{
		Name: "User.created", Data: userevents.Created{Email: "ada@example.com", Name: "Ada", Role: "member"},
	}}, u.Recorded())
	u.Forget()
	return u, now.Add(time.Minute)
}

func TestChangeRecordsWhatChanged(t *testing.T) {
	t.Parallel()
	u, later := newUser(t)
	email, name, role := "ada@example.com", "Ada King", user.Admin
	require.NoError(t, u.Change(user.Changes{Email: &email, Name: &name, Role: &role}, later))
	require.Equal(t, later, u.UpdatedAt)
	require.Equal(t, "Ada King", u.Name)
	require.Equal(t, user.Admin, u.Role)
	require.Equal(t, []aggregate.Event{{Name: "User.updated", Data: userevents.Updated{Changes: userevents.Changes{
		Name: &userevents.Change{From: "Ada", To: "Ada King"},
		Role: &userevents.Change{From: "member", To: "admin"},
	}}}}, u.Recorded())
}

func TestWhatChangesNothingRecordsNothing(t *testing.T) {
	t.Parallel()
	u, later := newUser(t)
	before := *u
	name := "Ada"
	require.NoError(t, u.Change(user.Changes{Name: &name}, later))
	require.NoError(t, u.Change(user.Changes{}, later))
	u.Enable(later)
	require.Empty(t, u.Recorded())
	require.Equal(t, before, *u)

	u.Disable(later)
	u.Disable(later)
	require.Len(t, u.Recorded(), 1)
	u.Enable(later)
	require.Len(t, u.Recorded(), 2)
	require.Equal(t, user.Active, u.Status)
}

func TestAnInvalidChangeChangesNothing(t *testing.T) {
	t.Parallel()
	u, later := newUser(t)
	before := *u
	email, name := "ada@king.example", "\x00"
	err := u.Change(user.Changes{Email: &email, Name: &name}, later)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.Equal(t, before, *u)
	require.Empty(t, u.Recorded())
}

func TestEmails(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 60) + "@" + strings.Repeat("b.", 96) + "c"
	require.Len(t, long, 254)
	for email, valid := range map[string]bool{
		"ada@example.com": true, "ada+tag@example.com": true, "adä@exämple.com": true, "o'hara@example.com": true, long: true,
		"": false, "ada": false, "@example.com": false, "ada@": false, " ada@example.com": false, "ada@example.com ": false,
		"Ada <ada@example.com>": false, "<ada@example.com>": false, "ada@example.com (Ada)": false, "a@b.c, d@e.f": false,
		"ada\x00@example.com": false, "ada@example.com\r\nBcc: x@y.z": false, "ada\xff@example.com": false, long + "c": false,
	} {
		_, err := user.New(adaID, email, "Ada", user.Member, time.Time{})
		require.Equal(t, valid, err == nil, "%q", email)
	}
}

func TestNamesAndRoles(t *testing.T) {
	t.Parallel()
	for name, valid := range map[string]bool{
		"Ada": true, strings.Repeat("ü", 200): true, "Robert'); DROP TABLE users;--": true, "👩‍💻": true,
		"": false, "  ": false, strings.Repeat("ü", 201): false, "a\x00": false, "a\nb": false, "a\x1b[2J": false, "\xff": false,
	} {
		_, err := user.New(adaID, "ada@example.com", name, user.Member, time.Time{})
		require.Equal(t, valid, err == nil, "%q", name)
	}
	for role, valid := range map[user.Role]bool{user.Member: true, user.Admin: true, user.Auditor: true, "": false, "operator": false, "ADMIN": false} {
		_, err := user.New(adaID, "ada@example.com", "Ada", role, time.Time{})
		require.Equal(t, valid, err == nil, "%q", role)
	}
}

func TestNewReportsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	_, err := user.New(adaID, "", "", "", time.Time{})
	known, ok := err.(*fault.Error) //nolint:errorlint // its fields are asked for, not its chain
	require.True(t, ok)
	require.Len(t, known.Fields, 3)
}
