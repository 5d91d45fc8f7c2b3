package embedded_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/app/fault"
)

// stored counts the messages in the stream EVENTS.
func stored(t *testing.T, broker *embedded.NATS) uint64 {
	t.Helper()
	conn, err := nats.Connect(broker.URL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), "EVENTS")
	require.NoError(t, err)
	return stream.CachedInfo().State.Msgs
}

func TestNATSKeepsMessages(t *testing.T) {
	t.Parallel()
	for name, always := range map[string]bool{"synced now and then": false, "synced always": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := embedded.NATSConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0", SyncAlways: always}
			broker, err := embedded.StartNATS(cfg)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(broker.URL(), "nats://127.0.0.1:"), broker.URL())
			require.NoError(t, publish(t.Context(), broker))
			broker.Stop()
			broker.Stop()
			require.DirExists(t, cfg.Dir+"/jetstream/$G")

			broker, err = embedded.StartNATS(cfg)
			require.NoError(t, err)
			defer broker.Stop()
			require.Equal(t, uint64(100), stored(t, broker))
		})
	}
}

func TestNATSListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"0.0.0.0:0", ":4222", "192.0.2.1:4222", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000",
	} {
		_, err := embedded.StartNATS(embedded.NATSConfig{Dir: t.TempDir(), Listen: address})
		require.Equal(t, fault.Invalid, fault.KindOf(err), address)
	}
}

func TestNATSPortInUse(t *testing.T) {
	t.Parallel()
	first, err := embedded.StartNATS(embedded.NATSConfig{Dir: t.TempDir()})
	require.NoError(t, err)
	defer first.Stop()
	address := strings.TrimPrefix(first.URL(), "nats://")
	_, err = embedded.StartNATS(embedded.NATSConfig{Dir: t.TempDir(), Listen: address})
	require.Equal(t, "nats_listen_taken", fault.CodeOf(err))
	require.ErrorContains(t, err, address)
}

func TestNATSIsQuiet(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	broker, err := embedded.StartNATS(embedded.NATSConfig{
		Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(&text, nil)),
	})
	require.NoError(t, err)
	require.NoError(t, publish(t.Context(), broker))
	broker.Stop()
	require.Empty(t, text.String())
}
