package workers

import (
	"sync"
	"time"
)

// mostOrphans bounds what is remembered. What is forgotten is waited for anew.
const mostOrphans = 10_000

// orphans are the handlers of tenants' deliveries that are not in this program, and since when this process
// knows. A delivery may be old already when it is due the first time, after a pause or a replay, and the
// program that has its handler is being deployed just now.
type orphans struct {
	forget time.Duration // what was not met for so long begins anew

	mu    sync.Mutex
	known map[orphanKey]orphaned
}

type orphanKey struct{ tenantID, handler string }

type orphaned struct{ since, last time.Time }

func newOrphans(config Config) *orphans {
	return &orphans{forget: config.OrphanLimit + 2*config.OrphanPause, known: make(map[orphanKey]orphaned)}
}

// knownFor notes that a tenant has a delivery for a handler that is not there, and returns for how long that
// is so as far as this process knows.
func (o *orphans) knownFor(key orphanKey, now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	met, ok := o.known[key]
	if !ok && len(o.known) >= mostOrphans {
		clear(o.known)
	}
	if !ok || now.Sub(met.last) > o.forget {
		met.since = now
	}
	met.last = now
	o.known[key] = met
	return now.Sub(met.since)
}
