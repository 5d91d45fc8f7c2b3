package outbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/app/apptest"
	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/workers"
)

// chain makes events of one new aggregate, in the order of their versions.
func chain(slug string, n int) []workers.Event {
	aggregateID, events := uuid.NewString(), make([]workers.Event, n)
	for i := range events {
		events[i] = workers.Event{
			ID: uuid.NewString(), Seq: int64(i + 1), Name: "Ticket.changed", TenantID: uuid.NewString(), TenantSlug: slug,
			AggregateType: "Ticket", AggregateID: aggregateID, AggregateVersion: int64(i + 1),
			ActorID: "tester", Data: json.RawMessage(`{}`), CreatedAt: time.Now(),
		}
	}
	return events
}

// interleave takes one event of each chain in turns.
func interleave(chains ...[]workers.Event) (events []workers.Event) {
	for i := range chains[0] {
		for _, c := range chains {
			events = append(events, c[i])
		}
	}
	return events
}

// brokerOf is a publisher on a connection of its own, and how often it was told of a duplicate.
func brokerOf(t *testing.T) (conn *nats.Conn, js jetstream.JetStream) {
	t.Helper()
	conn = apptest.NATS(t)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	return conn, js
}

// streamOf is the tenant of that name as the stream sees it.
func streamOf(slug string) *apptest.Tenant { return &apptest.Tenant{Slug: slug} }

func TestTheBrokerDropsWhatItHasAlready(t *testing.T) {
	t.Parallel()
	conn, js := brokerOf(t)
	duplicates := 0
	publisher := outbox.NewJetStream(conn, js, patience, func() { duplicates++ })
	slug := apptest.NewSlug()
	events := interleave(chain(slug, 5), chain(slug, 5))
	for _, known := range []int{0, 10, 20} {
		for _, err := range publisher.Publish(t.Context(), events) {
			require.NoError(t, err, "a repeat is as good as the first")
		}
		require.Equal(t, known, duplicates)
	}
	messages := streamOf(slug).Published(t)
	require.Len(t, messages, 10)
	last := map[string]int{}
	for _, m := range messages {
		last[m.Header.Get("ce-subject")]++
		require.Equal(t, fmt.Sprint(last[m.Header.Get("ce-subject")]), m.Header.Get("ce-aggregateversion"))
	}
}

// observed is JetStream with an ear on what is on its way: sent, and not acknowledged.
type observed struct {
	jetstream.JetStream

	mu       sync.Mutex
	onTheWay map[string]int
	most     map[string]int // of one aggregate
	together int            // of all, at most
}

func (o *observed) PublishMsgAsync(m *nats.Msg, opts ...jetstream.PublishOpt) (jetstream.PubAckFuture, error) {
	subject := m.Header.Get("ce-subject")
	o.mu.Lock()
	defer o.mu.Unlock()
	future, err := o.JetStream.PublishMsgAsync(m, opts...)
	if err != nil {
		return nil, err
	}
	o.onTheWay[subject]++
	o.most[subject] = max(o.most[subject], o.onTheWay[subject])
	sum := 0
	for _, n := range o.onTheWay {
		sum += n
	}
	o.together = max(o.together, sum)
	return acknowledgement{future, o, subject}, nil
}

// acknowledgement tells the observer before it tells the publisher.
type acknowledgement struct {
	jetstream.PubAckFuture

	observed *observed
	subject  string
}

func (a acknowledgement) Ok() <-chan *jetstream.PubAck {
	ack := make(chan *jetstream.PubAck, 1)
	go func() {
		got := <-a.PubAckFuture.Ok()
		a.observed.mu.Lock()
		a.observed.onTheWay[a.subject]--
		a.observed.mu.Unlock()
		ack <- got
	}()
	return ack
}

func TestAtMostOneEventOfAnAggregateIsOnItsWay(t *testing.T) {
	t.Parallel()
	conn, js := brokerOf(t)
	watched := &observed{JetStream: js, onTheWay: map[string]int{}, most: map[string]int{}}
	publisher := outbox.NewJetStream(conn, watched, patience, func() {})
	slug := apptest.NewSlug()
	chains := make([][]workers.Event, 20)
	for i := range chains {
		chains[i] = chain(slug, 10)
	}
	for _, err := range publisher.Publish(t.Context(), interleave(chains...)) {
		require.NoError(t, err)
	}
	watched.mu.Lock()
	defer watched.mu.Unlock()
	require.Len(t, watched.most, 20)
	for subject, most := range watched.most {
		require.Equal(t, 1, most, subject)
	}
	require.Greater(t, watched.together, 1, "different aggregates go side by side")
}

func TestAnEventThatIsTooLargeFailsAloneWithThoseBehindIt(t *testing.T) {
	t.Parallel()
	conn, js := brokerOf(t)
	publisher := outbox.NewJetStream(conn, js, patience, func() {})
	slug := apptest.NewSlug()
	bad, good := chain(slug, 3), chain(slug, 3)
	bad[1].Data = json.RawMessage(`"` + strings.Repeat("x", int(conn.MaxPayload())) + `"`)
	errs := publisher.Publish(t.Context(), interleave(bad, good))
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[2], nats.ErrMaxPayload)
	require.NotErrorIs(t, errs[2], workers.ErrOutage)
	require.ErrorIs(t, errs[4], workers.ErrBehind)
	for _, i := range []int{1, 3, 5} {
		require.NoError(t, errs[i])
	}
	require.Len(t, streamOf(slug).Published(t), 4)
}

func TestAnEventWhoseNameIsNoSubjectFailsAlone(t *testing.T) {
	t.Parallel()
	conn, js := brokerOf(t)
	publisher := outbox.NewJetStream(conn, js, patience, func() {})
	slug := apptest.NewSlug()
	bad, good := chain(slug, 1), chain(slug, 1)
	bad[0].Name = "Ticket.changed 1\r\nPING"
	errs := publisher.Publish(t.Context(), interleave(bad, good))
	require.ErrorIs(t, errs[0], nats.ErrBadSubject)
	require.NotErrorIs(t, errs[0], workers.ErrOutage)
	require.NoError(t, errs[1])
	require.True(t, conn.IsConnected())
}

func TestNoAcknowledgementInTimeIsAnOutage(t *testing.T) {
	t.Parallel()
	conn, js := brokerOf(t)
	publisher := outbox.NewJetStream(conn, js, time.Nanosecond, func() {})
	slug := apptest.NewSlug()
	errs := publisher.Publish(t.Context(), chain(slug, 3))
	for _, err := range errs {
		require.ErrorIs(t, err, workers.ErrOutage, "what comes after it was not sent")
	}

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	patient := outbox.NewJetStream(conn, js, patience, func() {})
	for _, err := range patient.Publish(cancelled, chain(slug, 3)) {
		require.ErrorIs(t, err, workers.ErrOutage)
	}
}

func TestABrokerThatIsNotThereIsAnOutage(t *testing.T) {
	t.Parallel()
	conn, js := brokerOf(t)
	conn.Close()
	publisher := outbox.NewJetStream(conn, js, patience, func() {})
	for _, err := range publisher.Publish(t.Context(), chain(apptest.NewSlug(), 3)) {
		require.ErrorIs(t, err, workers.ErrOutage)
	}
}
