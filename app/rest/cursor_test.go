package rest_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/rest"
)

// place is a position as lists have them: a number that orders, and a text that tells equals apart.
type place struct {
	Seq  int64  `json:"s"`
	Name string `json:"n"`
}

func known(p place) bool { return p.Seq > 0 }

func TestACursorLeadsBackToItsPosition(t *testing.T) {
	t.Parallel()
	for _, want := range []place{{1, ""}, {1 << 60, "ü<&>\u2028"}, {42, "a/b"}} {
		cursor, err := rest.EncodeCursor(want)
		require.NoError(t, err)
		got, err := rest.DecodeCursor(cursor, known)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestCursorsThatNoListGaveOut(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, `null`, `[]`, `"x"`, ``, `{"s":1}`, `{"s":0,"n":"a"}`, `{"s":null,"n":"a"}`, `{"s":1, "n":"a"}`,
		`{"S":1,"n":"a"}`, `{"n":"a","s":1}`, `{"s":1,"n":"a","more":1}`, `{"s":1,"s":1,"n":"a"}`, `{"s":1,"n":"a"}{}`,
		`{"s":1e0,"n":"a"}`, `{"s":9223372036854775808,"n":"a"}`, `{"s":1,"n":"\u0061"}`, "{\"s\":1,\"n\":\"\xff\"}",
	} {
		_, err := rest.DecodeCursor(base64.RawURLEncoding.EncodeToString([]byte(text)), known)
		require.Equal(t, "bad_cursor", fault.CodeOf(err), text)
	}
	for _, cursor := range []string{"*", "e30=", "e31", "\x00", "eyJz IjoxfQ"} {
		_, err := rest.DecodeCursor(cursor, known)
		require.Equal(t, fault.Malformed, fault.KindOf(err), cursor)
	}
}

func TestAPositionThatJSONCannotHoldHasNoCursor(t *testing.T) {
	t.Parallel()
	_, err := rest.EncodeCursor(func() {})
	require.Equal(t, fault.Internal, fault.KindOf(err))
	_, _, err = rest.Cut([]int{1, 2}, 1, func(int) any { return func() {} })
	require.Error(t, err)
}

func FuzzDecodeCursor(f *testing.F) {
	good, err := rest.EncodeCursor(place{42, "ü"})
	require.NoError(f, err)
	for _, seed := range []string{
		good, "", "e30", "bnVsbA", "%",
		base64.RawURLEncoding.EncodeToString([]byte(`{"s":9223372036854775808,"n":"a"}`)),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		p, err := rest.DecodeCursor(cursor, known)
		if err != nil {
			require.Equal(t, "bad_cursor", fault.CodeOf(err))
			require.Zero(t, p)
			return
		}
		require.True(t, known(p))
		again, err := rest.EncodeCursor(p)
		require.NoError(t, err)
		require.Equal(t, cursor, again)
	})
}
