package audit_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/modules/audit"
)

func TestCursorsThatNoListGaveOut(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, `null`, `[]`, `{"t":1}`, `{"s":1}`, `{"t":1,"s":0}`, `{"t":-1,"s":1}`, `{"t":253402300800000000,"s":1}`,
		`{"t":null,"s":1}`, `{"t":1, "s":1}`, `{"T":1,"s":1}`, `{"t":1,"s":1,"more":1}`, `{"t":1,"s":1}{}`, `{"t":"1","s":1}`, `{"t":1,"s":9223372036854775808}`,
	} {
		_, err := audit.ParseCursor(base64.RawURLEncoding.EncodeToString([]byte(text)))
		require.Equal(t, "bad_cursor", fault.CodeOf(err), text)
	}
}

func FuzzParseCursor(f *testing.F) {
	good, err := audit.Encode(audit.Position{Micros: 1_767_323_045_678_901, Seq: 42})
	require.NoError(f, err)
	f.Add(good)
	f.Add("")
	f.Add("e30")
	f.Fuzz(func(t *testing.T, cursor string) {
		p, err := audit.ParseCursor(cursor)
		if err != nil {
			require.Equal(t, "bad_cursor", fault.CodeOf(err))
			return
		}
		again, err := audit.Encode(p)
		require.NoError(t, err)
		require.Equal(t, cursor, again)
	})
}
