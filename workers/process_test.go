package workers_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tenantry/tenantry/modules/outbox"
	"github.com/tenantry/tenantry/tenants"
	"github.com/tenantry/tenantry/workers"
)

// workerEnv makes this test's program a worker process. Its value are the orders, as JSON.
const workerEnv = "TENANTRY_TEST_WORKER"

// point is a place in a turn at which a process may end.
type point string

const (
	read         point = "read"         // a batch was read, nothing was done with it
	acknowledged point = "acknowledged" // the broker has it, the database does not know
	completed    point = "completed"    // the database knows, the worker does not
)

// orders tell a worker process what to do.
type orders struct {
	// Database is the cluster's URL as the application's login, Broker the broker's.
	Database, Broker string
	// Holder is the process's name in the leases; a name of its own when empty.
	Holder string
	// LeaseTTL and BatchSize are the pool's.
	LeaseTTL  time.Duration
	BatchSize int
	// Point and Hit say when the process kills itself: at which of the times that it is there.
	Point point
	Hit   int64
	// Hold makes it wait there for a line on its input instead.
	Hold bool
}

// worker is what runs in the process.
type worker struct {
	orders

	hits  atomic.Int64
	input chan struct{} // a line came
}

// runWorkerProcess is the main function of a worker process.
func runWorkerProcess() int {
	w := &worker{input: make(chan struct{}, 1)}
	if err := json.Unmarshal([]byte(os.Getenv(workerEnv)), &w.orders); err != nil {
		fmt.Fprintln(os.Stderr, "the orders make no sense:", err)
		return 2
	}
	if err := w.run(); err != nil {
		fmt.Fprintln(os.Stderr, "the worker process failed:", err)
		return 1
	}
	return 0
}

// run publishes until the input ends, which it does with the test's process at the latest.
func (w *worker) run() error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			w.input <- struct{}{}
		}
		stop()
	}()
	cluster, err := tenants.OpenCluster(tenants.ClusterConfig{Name: tenants.HomeCluster, URL: w.Database})
	if err != nil {
		return err
	}
	defer cluster.Close()
	conn, err := nats.Connect(w.Broker, nats.MaxReconnects(-1))
	if err != nil {
		return fmt.Errorf("connect to the broker: %w", err)
	}
	defer conn.Close()
	pool, err := w.pool(cluster, conn)
	if err != nil {
		return err
	}
	return pool.Run(ctx)
}

func (w *worker) pool(cluster *tenants.Cluster, conn *nats.Conn) (*workers.Pool, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("reach JetStream: %w", err)
	}
	config := fast()
	config.Holder, config.LeaseTTL, config.BatchSize = w.Holder, w.LeaseTTL, w.BatchSize
	config.SweepPauseMin, config.SweepPauseMax = 100*time.Millisecond, 200*time.Millisecond
	config.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return workers.New(config, workers.Parts{
		Cluster: cluster,
		Source: &spy{
			Source: outbox.NewSource(cluster),
			afterRead: func(_ workers.Lease, batch workers.Batch) {
				if len(batch.Messages)+len(batch.Deliveries) > 0 {
					w.pass(read)
				}
			},
			afterComplete: func(_ workers.Lease, _ int, err error) {
				if errors.Is(err, workers.ErrLeaseLost) {
					fmt.Println("lost") //nolint:forbidigo // the test's process reads it
				}
				if err == nil {
					w.pass(completed)
				}
			},
		},
		Publisher: passing{
			Publisher: outbox.NewJetStream(conn, js, 5*time.Second, func() { fmt.Println("duplicate") }), //nolint:forbidigo // the test's process reads it
			worker:    w,
		},
		Handlers: []workers.Handler{counter()},
	})
}

// passing is a publisher that passes a point when the broker has acknowledged something.
type passing struct {
	workers.Publisher

	worker *worker
}

func (p passing) Publish(ctx context.Context, events []workers.Event) []error {
	if p.worker.Hold {
		ctx = context.WithoutCancel(ctx) // the worst case: it sends all of what it has read
	}
	errs := p.Publisher.Publish(ctx, events)
	for _, err := range errs {
		if err == nil {
			p.worker.pass(acknowledged)
			break
		}
	}
	return errs
}

// pass tells the test's process that a point was hit, and ends this one as the orders say.
func (w *worker) pass(at point) {
	if at != w.Point || w.hits.Add(1) != w.Hit {
		return
	}
	fmt.Println("hit", at) //nolint:forbidigo // the test's process reads it
	if w.Hold {
		<-w.input
		return
	}
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	panic(fmt.Sprint("still alive: ", err))
}
