package tenants

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// pollInterval is how often the resolver asks for what changed.
	pollInterval = 300 * time.Millisecond
	// trustedFor is how long an answer may be used after the last poll began.
	trustedFor = time.Second
	// pollTimeout ends a poll whose answer would come too late.
	pollTimeout = 900 * time.Millisecond
	// resolverSize bounds the tenants, and the names of tenants, that are kept.
	resolverSize = 20_000
)

// Resolver answers which tenant a token means, from memory. It asks the registry every 300 ms for what
// has changed, so that a suspension or a new name is known to every process within a second. While the
// registry cannot be asked it trusts its memory for one second and then asks for each request.
type Resolver struct {
	registry *Registry
	clock    func() time.Time

	mu sync.Mutex
	// ids leads from slugs and ids to ids. That never changes: no slug is given to another tenant.
	ids *lru.Cache[string, string]
	// byID holds the tenants.
	byID *lru.Cache[string, Tenant]
	// polling and polls tell whether a poll was under way during a lookup.
	polling bool
	polls   uint64
	// snapshot is what the last successful poll saw, and freshAt is when it began.
	snapshot string
	freshAt  time.Time
}

// NewResolver makes a resolver. Until Run polls for it, it asks the registry each time.
func NewResolver(registry *Registry) *Resolver {
	ids, _ := lru.New[string, string](2 * resolverSize) // fails for a negative size only
	byID, _ := lru.New[string, Tenant](resolverSize)    // fails for a negative size only
	return &Resolver{registry: registry, clock: time.Now, ids: ids, byID: byID}
}

// Resolve returns the tenant of a slug, also one that it had before, or of an id.
func (r *Resolver) Resolve(ctx context.Context, slugOrID string) (Tenant, error) {
	tenant, ok, polls := r.recall(slugOrID)
	if ok {
		return tenant, nil
	}
	tenant, err := r.registry.Find(ctx, slugOrID)
	if err != nil {
		return Tenant{}, err
	}
	r.remember(slugOrID, tenant, polls)
	return tenant, nil
}

// recall returns what is known and can be trusted, and else the count of polls that a lookup which
// begins now has to bring back; zero if its answer must not be kept.
func (r *Resolver) recall(key string) (Tenant, bool, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.trusted() {
		return Tenant{}, false, 0
	}
	if id, ok := r.ids.Get(key); ok {
		if tenant, ok := r.byID.Get(id); ok {
			return tenant, true, 0
		}
	}
	if r.polling {
		return Tenant{}, false, 0
	}
	return Tenant{}, false, r.polls
}

func (r *Resolver) trusted() bool {
	return !r.freshAt.IsZero() && r.clock().Sub(r.freshAt) < trustedFor
}

// remember keeps a lookup's answer, unless a poll was under way at any time since the lookup began: it
// may have reported a change that the lookup did not see, and will not report it again.
func (r *Resolver) remember(key string, tenant Tenant, polls uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if polls == 0 || r.polling || r.polls != polls {
		return
	}
	if known, ok := r.byID.Peek(tenant.ID); !ok || known.LockVersion < tenant.LockVersion {
		r.byID.Add(tenant.ID, tenant)
	}
	r.ids.Add(key, tenant.ID)
}
