package apptest

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Message is one event as a stock client of the broker sees it.
type Message struct {
	// Subject is for example "events.acme.User.created".
	Subject string
	// Header holds the attributes of the CloudEvent, "ce-id" and so on.
	Header nats.Header
	// Data is the event's JSON.
	Data []byte
	// Sequence is its place in the stream.
	Sequence uint64
}

// ID is the event's id.
func (m Message) ID() string { return m.Header.Get("ce-id") }

// Name is the event's name, for example "User.created".
func (m Message) Name() string { return m.Header.Get("ce-type") }

// Published returns the tenant's events that are in the stream, in the order in which they came.
// Settle first.
func (n *Tenant) Published(tb testing.TB) []Message {
	tb.Helper()
	stream, subject := Stream(tb), "events."+n.Slug+".>"
	var all []Message
	for next := uint64(1); ; {
		raw, err := stream.GetMsg(tb.Context(), next, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return all
		}
		require.NoError(tb, err)
		all = append(all, Message{Subject: raw.Subject, Header: raw.Header, Data: raw.Data, Sequence: raw.Sequence})
		next = raw.Sequence + 1
	}
}

// PublishedNames are the names of those events.
func (n *Tenant) PublishedNames(tb testing.TB) []string {
	tb.Helper()
	all := n.Published(tb)
	names := make([]string, len(all))
	for i, message := range all {
		names[i] = message.Name()
	}
	return names
}
