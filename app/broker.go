package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// brokerConnect bounds one attempt to connect, and brokerAnswer one question.
	brokerConnect = 2 * time.Second
	brokerAnswer  = 5 * time.Second
	// brokerPause is the wait between two attempts to connect, with jitter.
	brokerPause  = 500 * time.Millisecond
	brokerJitter = 250 * time.Millisecond
	// publishTimeout gives up an acknowledgement that nobody waits for any more.
	publishTimeout = 10 * time.Second
	// mostPending bounds what is on its way to the broker unacknowledged, over all slots of a worker.
	mostPending = 16384
)

var errBrokerAway = errors.New("app: the broker is away")

// broker is the connection to NATS, which outlives the broker's absences.
type broker struct {
	conn *nats.Conn
	js   jetstream.JetStream
	// returned tells that the connection was made, or made again.
	returned chan struct{}
	closed   chan struct{}
	log      *slog.Logger
}

// connectBroker begins to connect. It does not wait: while the broker is away events are kept, and
// requests are answered.
func (a *App) connectBroker(context.Context) error {
	url := a.config.Settings.NATSURL
	if url == "" {
		return nil
	}
	b := &broker{returned: make(chan struct{}, 1), closed: make(chan struct{}), log: a.log}
	var err error
	if b.conn, err = nats.Connect(url, b.options()...); err != nil {
		return fmt.Errorf("prepare the connection to the broker: %w", err)
	}
	a.opened("the broker's connection", b.stop)
	b.js, err = jetstream.New(b.conn,
		jetstream.WithPublishAsyncMaxPending(mostPending),
		jetstream.WithPublishAsyncTimeout(publishTimeout),
		jetstream.WithDefaultTimeout(brokerAnswer),
	)
	if err != nil {
		return fmt.Errorf("prepare JetStream: %w", err)
	}
	a.broker = b
	a.metrics.watchBroker(b.conn)
	return nil
}

func (b *broker) options() []nats.Option {
	return []nats.Option{
		nats.Name("tenantry"),
		nats.Timeout(brokerConnect),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(brokerPause),
		nats.ReconnectJitter(brokerJitter, brokerJitter),
		// Nothing waits in memory for a broker that is away: events have the outbox to wait in.
		nats.ReconnectBufSize(-1),
		nats.ConnectHandler(b.onConnect),
		nats.ReconnectHandler(b.onConnect),
		nats.DisconnectErrHandler(b.onDisconnect),
		nats.ErrorHandler(b.onError),
		nats.ClosedHandler(func(*nats.Conn) { close(b.closed) }),
	}
}

func (b *broker) onConnect(conn *nats.Conn) {
	b.log.Info("connected to the broker", "server", conn.ConnectedAddr())
	select {
	case b.returned <- struct{}{}:
	default:
	}
}

func (b *broker) onDisconnect(_ *nats.Conn, err error) {
	if err != nil {
		b.log.Warn("the broker is away; connecting again", "error", err)
	}
}

func (b *broker) onError(_ *nats.Conn, _ *nats.Subscription, err error) {
	b.log.Warn("the broker reports an error", "error", err)
}

// stop sends what is on its way and leaves.
func (b *broker) stop(ctx context.Context) error {
	if !b.conn.IsConnected() || b.conn.Drain() != nil {
		b.conn.Close()
	}
	if err := awaitEnd(ctx, b.closed); err != nil {
		b.conn.Close()
		return err
	}
	return nil
}

// brokerHealth tells why the broker cannot be reached.
func (a *App) brokerHealth(ctx context.Context) error {
	if a.broker == nil || !a.broker.conn.IsConnected() {
		return errBrokerAway
	}
	if err := a.broker.conn.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("ask the broker: %w", err)
	}
	return nil
}
