package outbox

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/fault"
)

func FuzzDeliveryCursor(f *testing.F) {
	for _, p := range []deliveryPosition{{Seq: 1, Handler: "broker"}, {Seq: 1 << 60, Handler: "ü"}} {
		text, err := p.encode()
		require.NoError(f, err)
		f.Add(text)
	}
	for _, text := range []string{"", "e30", "eyJzIjoxLCJoIjoiIn0", "bnVsbA", "%", "eyJzIjotMSwiaCI6ImEifQ"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseDeliveryCursor(text)
		if err != nil {
			require.Equal(t, fault.Malformed, fault.KindOf(err))
			return
		}
		require.Positive(t, p.Seq)
		again, err := p.encode()
		require.NoError(t, err)
		same, err := parseDeliveryCursor(again)
		require.NoError(t, err)
		require.Equal(t, p, same)
	})
}

func FuzzStatusCursor(f *testing.F) {
	f.Add(statusPosition{"main", "acme"}.encode())
	f.Add(statusPosition{"eu-1", ""}.encode())
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := StatusFilter{Limit: 1, Cursor: text}.position([]string{"main", "eu-1"})
		if err != nil {
			require.Equal(t, fault.Malformed, fault.KindOf(err))
			return
		}
		require.Contains(t, []string{"main", "eu-1"}, p.cluster)
		require.True(t, storable(p.slug))
		same, err := StatusFilter{Limit: 1, Cursor: p.encode()}.position([]string{"main", "eu-1"})
		require.NoError(t, err)
		require.Equal(t, p, same)
	})
}
