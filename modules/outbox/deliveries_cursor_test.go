package outbox

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/app/rest"
)

func FuzzDeliveryCursor(f *testing.F) {
	for _, p := range []deliveryPosition{{Seq: 1, Handler: "broker"}, {Seq: 1 << 60, Handler: "ü"}, {Seq: -1, Handler: "a"}} {
		text, err := rest.EncodeCursor(p)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add("bnVsbA")
	f.Fuzz(func(t *testing.T, text string) {
		filter := DeliveryFilter{Cursor: text}
		p, err := filter.check()
		if err != nil {
			require.Equal(t, fault.Malformed, fault.KindOf(err))
			return
		}
		require.True(t, p.genuine() || text == "")
	})
}

func FuzzStatusCursor(f *testing.F) {
	text, err := rest.EncodeCursor(statusPosition{"eu-1", "acme"})
	require.NoError(f, err)
	f.Add(text)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		filter := StatusFilter{Cursor: text}
		p, err := filter.position([]string{"main", "eu-1"})
		if err != nil {
			require.Equal(t, fault.Malformed, fault.KindOf(err))
			return
		}
		require.Contains(t, []string{"main", "eu-1"}, p.Cluster)
		require.True(t, storable(p.Slug))
	})
}
