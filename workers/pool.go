package workers

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/tenants"
)

// Pool publishes the backlog of every tenant of one cluster. Its slots take turns across the tenants.
type Pool struct {
	config    Config
	ledger    *ledger
	source    Source
	publisher Publisher
	hints     Hints
	calls     *calls
	holds     *holds
	metrics   *Metrics
	coverage  *coverage
	outage    *outage
	orphans   *orphans

	leasing sync.Mutex // held while leases are won or given up in the database; taken before mu

	mu       sync.Mutex
	changed  *sync.Cond // a slot is free, a tenant waits, or the pool stops
	turns    *Turns
	tenants  map[string]*tenant
	free     int
	cost     time.Duration // what an event's handlers took in the last turn, of whatever tenant
	stopping bool
	balance  balance

	wanted     map[string]struct{}
	wantedNews chan struct{}
	running    sync.WaitGroup
}

// Parts are what a pool works with.
type Parts struct {
	// Cluster is whose tenants it serves.
	Cluster *tenants.Cluster
	// Source is where their backlogs are.
	Source Source
	// Publisher is where their events go.
	Publisher Publisher
	// Hints tell who has work; nil leaves it to the sweep.
	Hints Hints
	// Handlers react to events.
	Handlers []Handler
	// Metrics counts; nil counts for nobody.
	Metrics *Metrics
}

// New makes a pool; Run starts it. It refuses a configuration or handlers that cannot work.
func New(config Config, parts Parts) (*Pool, error) {
	config = config.WithDefaults()
	if parts.Metrics == nil {
		parts.Metrics = NewMetrics(nil)
	}
	calls, handlerErr := newCalls(config, parts.Source, parts.Handlers, parts.Metrics)
	if err := errors.Join(config.validate(), handlerErr); err != nil {
		return nil, err
	}
	p := &Pool{
		config:     config,
		ledger:     &ledger{cluster: parts.Cluster, holder: config.Holder, ttl: config.LeaseTTL},
		source:     parts.Source,
		publisher:  parts.Publisher,
		hints:      parts.Hints,
		calls:      calls,
		metrics:    parts.Metrics,
		coverage:   parts.Metrics.coverage,
		outage:     &outage{log: config.Log},
		orphans:    newOrphans(config),
		balance:    balance{news: make(chan struct{}, 1)},
		turns:      NewTurns(config.Quantum),
		tenants:    make(map[string]*tenant),
		free:       config.Slots,
		wanted:     make(map[string]struct{}),
		wantedNews: make(chan struct{}, 1),
	}
	p.changed = sync.NewCond(&p.mu)
	p.holds = newHolds(config, calls, parts.Metrics, func(tenantID string) bool { return p.sighted(tenantID, true) })
	calls.onFree, calls.onSlow = p.holds.placeFree, p.yield
	return p, nil
}

// Run publishes until ctx is over. Then it takes no new turns, lets those that run finish up to the
// shutdown limit, releases its leases, and tells the other workers that these are free.
func (p *Pool) Run(ctx context.Context) error {
	work, cancelWork := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelWork()

	p.awaitPauses(ctx)
	finding, findingCtx := errgroup.WithContext(ctx)
	finding.Go(func() error { return p.pauseLoop(findingCtx) })
	finding.Go(func() error { return p.listen(findingCtx) })
	finding.Go(func() error { return p.sweepLoop(findingCtx) })
	finding.Go(func() error { return p.acquireLoop(findingCtx) })
	finding.Go(func() error { return p.retentionLoop(findingCtx) })
	finding.Go(func() error { return p.pinnedLoop(findingCtx) })

	holding, stopHolding := context.WithCancel(work)
	var held sync.WaitGroup
	held.Go(func() { p.renewLoop(holding) })

	stop := context.AfterFunc(findingCtx, p.stop)
	defer stop()
	p.dispatch(work)

	err := finding.Wait()
	p.drain(cancelWork)
	stopHolding()
	held.Wait()
	p.releaseAll(context.WithoutCancel(ctx))
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}

// dispatch gives free slots to the tenants whose turn it is.
func (p *Pool) dispatch(work context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		for !p.stopping && (p.free <= 0 || p.turns.Waiting() == 0) {
			p.changed.Wait()
		}
		if p.stopping {
			return
		}
		p.startTurn(work)
	}
}

// startTurn is called with the lock held.
func (p *Pool) startTurn(work context.Context) {
	id, budget, ok := p.turns.Next()
	if !ok {
		return
	}
	t := p.tenants[id]
	switch {
	case t == nil || t.paused:
		p.turns.Done(id, 0, false)
		return
	case !t.held(): // it ran out while the database was away
		p.loseLocked(t)
		return
	}
	ctx, cancel := context.WithCancel(work)
	r := newTurn(p, t, budget)
	t.begin(cancel, p.metrics)
	p.free--
	p.running.Go(func() {
		defer cancel()
		p.endTurn(t, r, r.run(ctx))
	})
}

// endTurn charges the tenant and decides when it comes again.
func (p *Pool) endTurn(t *tenant, r *turn, result turnResult) {
	used := r.used()
	p.metrics.turns.Inc()
	p.metrics.turnSeconds.Observe(used.Seconds())

	p.mu.Lock()
	defer p.mu.Unlock()
	p.free++
	if result.cost > 0 {
		p.cost = result.cost
	}
	again := t.end(result)
	again = again && !t.paused && !t.leaving && t.held()
	p.turns.Done(t.id, used, again)
	switch {
	case result.lost && t.lease.Fence == r.lease.Fence:
		p.loseLocked(t)
	case again:
		p.turns.Ready(t.id, t.weight) // in case the lease was lost and won again meanwhile
	}
	p.setAlarm(t, result.comeBackAt)
	if t.leaving {
		p.vacate(t)
	}
	p.changed.Signal()
}

// borrow takes a free slot for a tenant that has a turn, when nobody else waits.
func (p *Pool) borrow() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping || p.free <= 0 || p.turns.Waiting() > 0 {
		return false
	}
	p.free--
	return true
}

func (p *Pool) giveBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free++
	p.changed.Signal()
}

// yield gives the slot of a call that takes long to others. The call is back whenever it ends, so for a
// moment more turns than slots may run: as many more as handlers' bounds allow calls.
func (p *Pool) yield() (back func()) {
	p.giveBack()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.free--
	}
}

// othersWait tells a borrower that the slot is needed.
func (p *Pool) othersWait() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopping || p.turns.Waiting() > 0
}

func (p *Pool) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopping = true
	for _, t := range p.tenants {
		t.stopAlarm()
	}
	p.changed.Broadcast()
}

// drain waits for the turns that run, and cancels those that take too long.
func (p *Pool) drain(cancelWork context.CancelFunc) {
	timer := time.AfterFunc(p.config.ShutdownLimit, cancelWork)
	defer timer.Stop()
	p.running.Wait()
}
