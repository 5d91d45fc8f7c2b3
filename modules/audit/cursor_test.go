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
		`{}`, `{"t":1}`, `{"s":1}`, `{"t":1,"s":0}`, `{"t":-1,"s":1}`, `{"t":253402300800000000,"s":1}`, `{"t":null,"s":1}`,
	} {
		err := audit.CheckCursor(base64.RawURLEncoding.EncodeToString([]byte(text)))
		require.Equal(t, "bad_cursor", fault.CodeOf(err), text)
	}
	require.NoError(t, audit.CheckCursor(base64.RawURLEncoding.EncodeToString([]byte(`{"t":1,"s":1}`))))
}
