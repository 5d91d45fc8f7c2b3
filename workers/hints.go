package workers

import (
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
)

// hintEvery is how long commits are gathered before a hint tells of them all.
const hintEvery = 2 * time.Millisecond

// hintMost is how many tenants one message names: 16 bytes each, well below the broker's limit.
const hintMost = 4096

// flushLimit bounds how long the end of a process waits for its last hint to leave.
const flushLimit = time.Second

// NATSHints sends hints over core NATS, which keeps nothing and asks for no answer. It is also the end
// that the API uses: Touch after a commit costs a map insert.
type NATSHints struct {
	conn    *nats.Conn
	cluster string

	mu      sync.Mutex
	touched map[uuid.UUID]struct{}
	timer   *time.Timer
	closed  bool
}

// NewNATSHints makes the hints of one cluster.
func NewNATSHints(conn *nats.Conn, cluster string) *NATSHints {
	return &NATSHints{conn: conn, cluster: cluster, touched: make(map[uuid.UUID]struct{})}
}

func (h *NATSHints) subject(free bool) string {
	kind := "work"
	if free {
		kind = "free"
	}
	return "tenantry.hints." + hex.EncodeToString([]byte(h.cluster)) + "." + kind
}

// Touch tells that a tenant has new work. Hints of the same few milliseconds go in one message.
func (h *NATSHints) Touch(tenantID string) {
	id, err := uuid.Parse(tenantID)
	if err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.touched[id] = struct{}{}
	if h.timer == nil {
		h.timer = time.AfterFunc(hintEvery, h.flush)
	}
}

func (h *NATSHints) flush() {
	h.mu.Lock()
	ids := make([]uuid.UUID, 0, len(h.touched))
	for id := range h.touched {
		ids = append(ids, id)
	}
	clear(h.touched)
	h.timer = nil
	h.mu.Unlock()
	h.send(ids, false)
}

// Close sends what is gathered and takes no more.
func (h *NATSHints) Close() {
	h.mu.Lock()
	h.closed = true
	if h.timer != nil {
		h.timer.Stop()
	}
	h.mu.Unlock()
	h.flush()
}

// Announce implements Hints.
func (h *NATSHints) Announce(hint Hint) {
	ids := make([]uuid.UUID, 0, len(hint.TenantIDs))
	for _, text := range hint.TenantIDs {
		if id, err := uuid.Parse(text); err == nil {
			ids = append(ids, id)
		}
	}
	h.send(ids, hint.Free)
	if hint.Last && h.conn.IsConnected() {
		_ = h.conn.FlushTimeout(flushLimit) // the others find with their sweep what they were not told of
	}
}

// send drops a hint that cannot be sent, rather than letting it wait: the sweep finds what it told of.
func (h *NATSHints) send(ids []uuid.UUID, free bool) {
	for len(ids) > 0 && h.conn.IsConnected() {
		n := min(len(ids), hintMost)
		payload := make([]byte, 0, n*len(uuid.UUID{}))
		for _, id := range ids[:n] {
			payload = append(payload, id[:]...)
		}
		_ = h.conn.Publish(h.subject(free), payload)
		ids = ids[n:]
	}
}

// Subscribe implements Hints.
func (h *NATSHints) Subscribe(onHint func(Hint)) (stop func(), err error) {
	subscription, err := h.conn.Subscribe(strings.TrimSuffix(h.subject(true), "free")+"*", func(m *nats.Msg) {
		onHint(Hint{TenantIDs: decodeIDs(m.Data), Free: m.Subject == h.subject(true)})
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to the hints of cluster %s: %w", h.cluster, err)
	}
	return func() { _ = subscription.Unsubscribe() }, nil
}

func decodeIDs(payload []byte) []string {
	const size = len(uuid.UUID{})
	ids := make([]string, 0, len(payload)/size)
	for ; len(payload) >= size; payload = payload[size:] {
		ids = append(ids, uuid.UUID(payload[:size]).String())
	}
	return ids
}
