package workers

import (
	"context"
	"sync/atomic"
	"time"
)

// tenant is what the pool remembers of one tenant. The pool's lock guards it, but for the deadline.
type tenant struct {
	id     string
	lease  Lease
	weight int
	paused bool

	// deadline is until when the lease may be used, in nanoseconds of the process's monotonic clock;
	// 0 when this process does not hold it.
	deadline atomic.Int64
	// takenUntil is until when another process holds the lease.
	takenUntil time.Time

	running bool
	dirty   bool // a hint came during the turn
	cancel  context.CancelFunc

	foundAt    time.Time // when it was known to have work; zero while it has none
	readySince time.Time // when it began to wait for its turn
	lastWork   time.Time
	visited    *time.Time // since the last renewal
	retries    bool       // there may be deliveries to try again now

	retriedLast bool // the last batch was of deliveries
	looked      bool // for due deliveries, since it was woken

	alarm   *time.Timer
	alarmAt time.Time

	cost time.Duration // what an event's handlers took lately
}

// started is the origin of the monotonic clock that leases are measured with.
var started = time.Now() //nolint:gochecknoglobals // a fixed origin makes a monotonic time fit an atomic

func (t *tenant) held() bool {
	return int64(time.Since(started)) < t.deadline.Load()
}

// hold notes that the lease may be used until then. The end is counted from before the database was
// asked, so this process stops before another one can begin.
func (t *tenant) hold(asked time.Time, ttl time.Duration) {
	t.deadline.Store(int64(asked.Sub(started) + ttl - ttl/10))
}

func (t *tenant) letGo() { t.deadline.Store(0) }

func (t *tenant) begin(cancel context.CancelFunc, metrics *Metrics) {
	t.running, t.dirty, t.retries, t.cancel = true, false, false, cancel
	metrics.waitSeconds.Observe(time.Since(t.readySince).Seconds())
}

// end reports whether there is more to do at once.
func (t *tenant) end(result turnResult) bool {
	now := time.Now()
	t.running, t.cancel = false, nil
	t.visited = &now
	t.retries, t.retriedLast = t.retries || result.retries, result.retriedLast
	t.cost = result.cost
	if result.worked {
		t.lastWork = now
	}
	t.readySince = now
	again := result.more || t.dirty
	t.looked = result.looked && again && !t.dirty
	if t.dirty = false; !again {
		t.foundAt = time.Time{}
	}
	return again
}

func (t *tenant) stopAlarm() {
	if t.alarm != nil {
		t.alarm.Stop()
		t.alarm, t.alarmAt = nil, time.Time{}
	}
}

// wake gives a tenant that may have work its place among those that wait, or wishes for its lease.
func (p *Pool) wake(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tenants[id]
	if t == nil {
		t = &tenant{id: id, weight: 1}
		p.tenants[id] = t
	}
	p.wakeLocked(t)
}

func (p *Pool) wakeLocked(t *tenant) {
	if t.foundAt.IsZero() {
		t.foundAt = time.Now()
	}
	switch {
	case p.stopping:
	case !t.held():
		if time.Now().After(t.takenUntil) {
			p.want(t)
		} else {
			p.awaitFree(t)
		}
	case t.running:
		t.dirty = true
	case !t.paused:
		t.looked = false
		if !p.turns.Has(t.id) {
			t.readySince = time.Now()
		}
		p.turns.Ready(t.id, t.weight)
		p.changed.Signal()
	}
}

// setAlarm wakes a tenant at a time, or earlier if it has an earlier alarm.
func (p *Pool) setAlarm(t *tenant, at time.Time) {
	if at.IsZero() || p.stopping || (!t.alarmAt.IsZero() && !at.Before(t.alarmAt)) {
		return
	}
	t.stopAlarm()
	t.alarmAt = at
	t.alarm = time.AfterFunc(time.Until(at), func() { p.ring(t, at) })
}

func (p *Pool) ring(t *tenant, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !t.alarmAt.Equal(at) {
		return // replaced or stopped
	}
	t.alarm, t.alarmAt = nil, time.Time{}
	t.retries = true
	p.wakeLocked(t)
}
