package modules_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
)

// wire is a connection to the API on which a request is written as it is, also one that net/http would
// not send.
type wire struct {
	conn   net.Conn
	reader *bufio.Reader
}

func dial(t *testing.T) *wire {
	t.Helper()
	w := &wire{}
	t.Cleanup(w.close)
	return w
}

func (w *wire) close() {
	if w.conn != nil {
		_ = w.conn.Close() // it may be closed already
		w.conn = nil
	}
}

// send writes one request and reads its answer. Headers are name and value in turn.
func (w *wire) send(t *testing.T, method, target string, body []byte, headers []string) answer {
	t.Helper()
	if w.conn == nil {
		w.connect(t)
	}
	var request strings.Builder
	fmt.Fprintf(&request, "%s %s HTTP/1.1\r\nHost: api.example\r\n", method, target)
	for pair := range slices.Chunk(headers, 2) {
		fmt.Fprintf(&request, "%s: %s\r\n", pair[0], pair[1])
	}
	if len(body) > 0 {
		fmt.Fprintf(&request, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	got := answer{began: time.Now()}
	require.NoError(t, w.conn.SetDeadline(got.began.Add(patience)))
	_, err := io.WriteString(w.conn, request.String()+"\r\n"+string(body))
	require.NoError(t, err)
	response, err := http.ReadResponse(w.reader, &http.Request{Method: strings.ToUpper(method)})
	require.NoError(t, err, "%.300s", request.String())
	defer response.Body.Close() //nolint:errcheck // it is read to its end
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if response.Close {
		w.close()
	}
	got.status, got.header, got.body = response.StatusCode, response.Header, string(text)
	return got
}

func (w *wire) connect(t *testing.T) {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(apptest.URL(), "http://"))
	require.NoError(t, err)
	w.conn, w.reader = conn, bufio.NewReader(conn)
}
