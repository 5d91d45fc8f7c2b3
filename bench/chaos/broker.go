package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// broker is the run's NATS JetStream: a process of its own, that is always reached at the same address
// and always keeps its files in the same folder.
type broker struct {
	dir, address string

	mu      sync.Mutex // one fault at a time
	running *process
	starts  int
}

func startBroker(ctx context.Context, dir string) (*broker, error) {
	address, err := quietAddress(ctx)
	if err != nil {
		return nil, err
	}
	b := &broker{dir: dir, address: address}
	return b, b.start(ctx)
}

func (b *broker) url() string { return "nats://" + b.address }

// start returns when the broker takes connections. A start that fails is tried again: for a moment
// somebody else may have had the port.
func (b *broker) start(ctx context.Context) error {
	return persist(ctx, func(ctx context.Context) error {
		b.starts++
		log := filepath.Join(b.dir, fmt.Sprintf("broker-%d.log", b.starts))
		started, err := spawn(ctx, Part{BrokerDir: b.dir, BrokerListen: b.address}, nil, log)
		if err != nil {
			return err
		}
		if err := b.awaitListening(ctx, started); err != nil {
			started.kill()
			return err
		}
		b.running = started
		return nil
	})
}

func (b *broker) awaitListening(ctx context.Context, started *process) error {
	return persist(ctx, func(ctx context.Context) error {
		select {
		case <-started.ended:
			return final(fmt.Errorf("the broker ended with %s: %s", started.state, tail(started.log)))
		default:
		}
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", b.address)
		if err != nil {
			return fmt.Errorf("reach the broker: %w", err)
		}
		return conn.Close()
	})
}

// outage takes the broker away for a while, gracefully or not.
func (b *broker) outage(ctx context.Context, gracefully bool, away time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if gracefully {
		if err := b.running.stop(ctx); err != nil {
			return err
		}
	} else {
		b.running.kill()
	}
	rest(ctx, away)
	return b.start(ctx)
}

// The ports that are looked through for a free one lie below those that the system gives to outgoing
// connections. Else a client that tries to reach an absent broker might be given the broker's own port,
// and talk to itself.
const lowestPort, highestPort = 21000, 29000

func quietAddress(ctx context.Context) (string, error) {
	var network net.ListenConfig
	for range highestPort - lowestPort {
		port := lowestPort + rand.IntN(highestPort-lowestPort) //nolint:gosec // nobody has to guess it
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		listener, err := network.Listen(ctx, "tcp", address)
		if err != nil {
			continue
		}
		return address, listener.Close() //nolint:wrapcheck // it never fails for one that listens
	}
	return "", fmt.Errorf("no port from %d to %d is free", lowestPort, highestPort)
}
