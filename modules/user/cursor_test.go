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
		`{}`, `{"t":1}`, `{"t":1,"id":""}`, `{"t":1,"id":"x"}`,
		`{"t":-1,"id":"` + id + `"}`,
		`{"t":253402300800000000,"id":"` + id + `"}`,
		`{"t":1,"id":"{` + id + `}"}`,
		`{"t":1,"id":"01942E3C-7D4C-7B6E-9F5E-0C6A3B7D2F11"}`,
	} {
		err := user.CheckCursor(base64.RawURLEncoding.EncodeToString([]byte(text)))
		require.Equal(t, "bad_cursor", fault.CodeOf(err), text)
	}
	good := `{"t":1,"id":"` + id + `"}`
	require.NoError(t, user.CheckCursor(base64.RawURLEncoding.EncodeToString([]byte(good))))
}
