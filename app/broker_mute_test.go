package app_test

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// muteBroker takes connections and answers nothing that is asked of JetStream, as a broker does that goes
// away at that moment.
func muteBroker(t *testing.T) (url string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go pong(conn)
		}
	}()
	return "nats://" + listener.Addr().String()
}

func pong(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // the client is gone
	_, _ = conn.Write([]byte(`INFO {"server_id":"mute","version":"2.15.2","headers":true,"jetstream":true,"max_payload":1048576}` + "\r\n"))
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "PING") {
			_, _ = conn.Write([]byte("PONG\r\n"))
		}
	}
}

// TestABrokerThatGoesAwayDuringTheStartDoesNotEndIt: only its refusal does.
func TestABrokerThatGoesAwayDuringTheStartDoesNotEndIt(t *testing.T) {
	t.Parallel()
	_, err := workerOnly(t, muteBroker(t), nil)
	require.NoError(t, err)
}
