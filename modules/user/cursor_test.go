package user_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/modules/user"
)

func TestCursorsThatNoListGaveOut(t *testing.T) {
	t.Parallel()
	const id = "01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11"
	for _, text := range []string{
		`{}`, `null`, `[]`, `"x"`, `{"t":1}`, `{"t":1,"id":""}`, `{"t":1,"id":"x"}`,
		`{"t":-1,"id":"` + id + `"}`,
		`{"t":253402300800000000,"id":"` + id + `"}`,
		`{"t":1e400,"id":"` + id + `"}`,
		`{"t":1,"id":"` + id + `","more":1}`,
		`{"t":1,"id":"` + id + `"}{}`,
		`{"t":1,"id":"{` + id + `}"}`,
		`{"t":1,"id":"01942E3C-7D4C-7B6E-9F5E-0C6A3B7D2F11"}`,
	} {
		_, err := user.ParseCursor(base64.RawURLEncoding.EncodeToString([]byte(text)))
		require.Equal(t, "bad_cursor", fault.CodeOf(err), text)
	}
	for _, cursor := range []string{"*", "e30=", "e31", "\x00"} {
		_, err := user.ParseCursor(cursor)
		require.Equal(t, fault.Malformed, fault.KindOf(err), cursor)
	}
}

func FuzzParseCursor(f *testing.F) {
	good, err := user.Encode(user.Position{Micros: 1_767_323_045_678_901, ID: "01942e3c-7d4c-7b6e-9f5e-0c6a3b7d2f11"})
	require.NoError(f, err)
	f.Add(good)
	f.Add("")
	f.Add("e30")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"t":9223372036854775808}`)))
	f.Fuzz(func(t *testing.T, cursor string) {
		p, err := user.ParseCursor(cursor)
		if err != nil {
			require.Equal(t, "bad_cursor", fault.CodeOf(err))
			return
		}
		again, err := user.Encode(p)
		require.NoError(t, err)
		require.Equal(t, cursor, again)
	})
}
