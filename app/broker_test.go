package app_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/app/embedded"
	"github.com/tenantry/tenantry/app/fault"
	"github.com/tenantry/tenantry/config"
	"github.com/tenantry/tenantry/modules"
)

// workerOnly is a process that is only the worker of a cluster, with a database that may be away.
func workerOnly(t *testing.T, natsURL string, change func(*config.Settings)) (*app.App, error) {
	t.Helper()
	settings, err := config.Load([]string{
		"TENANTRY_CLUSTER_EU_1_URL=postgres://app:x@127.0.0.1:1/x?sslmode=disable",
		"TENANTRY_METRICS_LISTEN=127.0.0.1:0", "TENANTRY_NATS_URL=" + natsURL,
	})
	require.NoError(t, err)
	if change != nil {
		change(&settings)
	}
	started, err := app.Start(t.Context(), app.Config{
		Settings: settings, Build: modules.Build, WorkerClusters: []string{"eu-1"},
	})
	if err == nil {
		t.Cleanup(func() { require.NoError(t, started.Stop(context.Background())) })
	}
	return started, err
}

// freeAddress is an address that nobody listens on for now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func startNATS(t *testing.T, dir, listen string) *embedded.NATS {
	t.Helper()
	broker, err := embedded.StartNATS(embedded.NATSConfig{Dir: dir, Listen: listen})
	require.NoError(t, err)
	t.Cleanup(broker.Stop)
	return broker
}

// streamOf waits until the stream is there.
func streamOf(t *testing.T, url string) *jetstream.StreamInfo {
	t.Helper()
	conn, err := nats.Connect(url)
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	var stream jetstream.Stream
	require.Eventually(t, func() bool {
		stream, err = js.Stream(t.Context(), app.StreamName)
		return err == nil
	}, 20*time.Second, 10*time.Millisecond)
	return stream.CachedInfo()
}

func TestStreamIsMadeAsTheSettingsSay(t *testing.T) {
	t.Parallel()
	broker := startNATS(t, t.TempDir(), "")
	_, err := workerOnly(t, broker.URL(), func(s *config.Settings) {
		s.Stream.MaxAge, s.Stream.MaxBytes, s.Stream.Discard = time.Hour, 1<<20, "new"
	})
	require.NoError(t, err)
	made := streamOf(t, broker.URL()).Config
	require.Equal(t, []string{"events.>"}, made.Subjects)
	require.Equal(t, jetstream.FileStorage, made.Storage)
	require.Equal(t, 30*time.Minute, made.Duplicates)
	require.Equal(t, time.Hour, made.MaxAge)
	require.EqualValues(t, 1<<20, made.MaxBytes)
	require.Equal(t, jetstream.DiscardNew, made.Discard)

	_, err = workerOnly(t, broker.URL(), nil) // other settings change the stream that is there
	require.NoError(t, err)
	require.Equal(t, 168*time.Hour, streamOf(t, broker.URL()).Config.MaxAge)
}

func TestBrokerThatIsAwayAtTheStartGetsItsStreamWhenItComes(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	started, err := workerOnly(t, "nats://"+address, nil)
	require.NoError(t, err)
	require.Contains(t, body(t, started.MetricsURL()+"/readyz"), `"broker":"down"`)
	startNATS(t, t.TempDir(), address)
	streamOf(t, "nats://"+address)
	require.Contains(t, body(t, started.MetricsURL()+"/readyz"), `"broker":"up"`)
}

func TestStreamThatVanishesIsMadeAgain(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	first := startNATS(t, t.TempDir(), address)
	_, err := workerOnly(t, first.URL(), nil)
	require.NoError(t, err)
	before := streamOf(t, first.URL())

	conn, err := nats.Connect(first.URL())
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	require.NoError(t, js.DeleteStream(t.Context(), app.StreamName))
	require.True(t, streamOf(t, first.URL()).Created.After(before.Created), "it was deleted, and made again")

	first.Stop()
	startNATS(t, t.TempDir(), address) // the disk was lost
	streamOf(t, "nats://"+address)
}

func TestStreamThatTheBrokerRefusesEndsTheStart(t *testing.T) {
	t.Parallel()
	broker := startNATS(t, t.TempDir(), "")
	_, err := workerOnly(t, broker.URL(), func(s *config.Settings) { s.Stream.Replicas = 3 })
	require.Equal(t, "stream_refused", fault.CodeOf(err), "%v", err)
	require.Contains(t, err.Error(), "TENANTRY_STREAM_*")
}

func TestWorkerNeedsABroker(t *testing.T) {
	t.Parallel()
	_, err := workerOnly(t, "", nil)
	require.ErrorContains(t, err, "needs a broker")
}

func TestStreamDifferencesNameTheSettings(t *testing.T) {
	t.Parallel()
	settings, err := config.Load(nil)
	require.NoError(t, err)
	actual := jetstream.StreamConfig{
		MaxAge: settings.Stream.MaxAge, MaxBytes: -1, Replicas: 3, Duplicates: time.Minute, Discard: jetstream.DiscardOld,
	}
	require.Equal(t, []string{"TENANTRY_STREAM_DUPLICATE_WINDOW", "TENANTRY_STREAM_REPLICAS"},
		app.StreamDifferences(actual, settings.Stream))
}
