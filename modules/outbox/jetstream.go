package outbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tenantry/tenantry/workers"
)

// SubjectPrefix begins the subject of every event; the stream takes all of them.
const SubjectPrefix = "events."

// JetStream publishes events to the broker. It implements workers.Publisher.
type JetStream struct {
	conn      *nats.Conn
	js        jetstream.JetStream
	ackWait   time.Duration
	duplicate func()
}

// NewJetStream makes the publisher. An acknowledgement is waited for as long as ackWait; duplicate is
// called when the broker dropped an event that it had already.
func NewJetStream(conn *nats.Conn, js jetstream.JetStream, ackWait time.Duration, duplicate func()) *JetStream {
	return &JetStream{conn: conn, js: js, ackWait: ackWait, duplicate: duplicate}
}

// Publish implements workers.Publisher. It goes in waves: the first event of every aggregate, then the
// second of those whose first was acknowledged, and so on; within a wave all are on their way at once.
func (p *JetStream) Publish(ctx context.Context, events []workers.Event) []error {
	errs := make([]error, len(events))
	if !p.conn.IsConnected() {
		return fillErrors(errs, workers.ErrOutage)
	}
	failed := make(map[aggregateKey]error)
	for wave := range waves(events) {
		p.publishWave(ctx, events, wave, failed, errs)
	}
	return errs
}

func fillErrors(errs []error, err error) []error {
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// waves yields the indexes of the events that may be on their way together.
func waves(events []workers.Event) func(yield func([]int) bool) {
	depth := make(map[aggregateKey]int, len(events))
	var all [][]int
	for i := range events {
		key := keyOf(&events[i])
		n := depth[key]
		depth[key]++
		if n == len(all) {
			all = append(all, nil)
		}
		all[n] = append(all[n], i)
	}
	return slices.Values(all)
}

func (p *JetStream) publishWave(
	ctx context.Context, events []workers.Event, wave []int, failed map[aggregateKey]error, errs []error,
) {
	futures := make([]jetstream.PubAckFuture, len(wave))
	for n, i := range wave {
		if before := failed[keyOf(&events[i])]; before != nil {
			errs[i] = before
			continue
		}
		future, err := p.js.PublishMsgAsync(message(&events[i]))
		if err != nil {
			errs[i] = classify(err)
		}
		futures[n] = future
	}
	ctx, cancel := context.WithTimeout(ctx, p.ackWait)
	defer cancel()
	for n, i := range wave {
		if futures[n] != nil && errs[i] == nil {
			errs[i] = p.await(ctx, futures[n])
		}
		if errs[i] != nil {
			failed[keyOf(&events[i])] = behind(errs[i])
		}
	}
}

// behind is what an event's failure means for those after it.
func behind(err error) error {
	if errors.Is(err, workers.ErrOutage) {
		return err
	}
	return workers.ErrBehind
}

func (p *JetStream) await(ctx context.Context, future jetstream.PubAckFuture) error {
	select {
	case ack := <-future.Ok():
		if ack.Duplicate {
			p.duplicate()
		}
		return nil
	case err := <-future.Err():
		return classify(err)
	case <-ctx.Done():
		return fmt.Errorf("%w: no acknowledgement in time", workers.ErrOutage)
	}
}

// classify tells an event that the broker will never take from a broker that takes nothing now. What is
// not known to be the event's own fault is taken for an outage: then nothing is lost.
func classify(err error) error {
	if errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject) || errors.Is(err, nats.ErrBadHeaderMsg) {
		return fmt.Errorf("the broker does not take the event: %w", err)
	}
	api, ok := errors.AsType[*jetstream.APIError](err)
	if ok && api.Code == http.StatusBadRequest && !slices.Contains(fullOrSealed(), api.ErrorCode) {
		return fmt.Errorf("the broker does not take the event: %w", err)
	}
	return fmt.Errorf("%w: %w", workers.ErrOutage, err)
}

// fullOrSealed are JetStream's errors when it takes no event at all, although it calls them bad requests:
// the account's resources are used up, storing failed (a full disk or stream), the stream is sealed, the
// account has no limits set. See errors.json of nats-server.
func fullOrSealed() []jetstream.ErrorCode { return []jetstream.ErrorCode{10002, 10077, 10109, 10120} }
