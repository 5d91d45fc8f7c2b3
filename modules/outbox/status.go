package outbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantry/tenantry/app/rest"
	"github.com/tenantry/tenantry/tenants"
)

// statusTimeout bounds the wait for one cluster, so that one that hangs does not hold up the answer.
const statusTimeout = 5 * time.Second

// StatusFilter says which page of tenants.
type StatusFilter struct {
	// Limit is how many at most: 1 to 200. Default 50.
	Limit int
	// Cursor is where the page begins: the end of the one before, empty for the first.
	Cursor string
	// Sort is empty for all tenants, page by page, or what the worst ones are worst by: SortOldest,
	// SortBacklog or SortVisited. These are the first Limit, without a next page.
	Sort string
}

// TenantStatus is how far the publishing of one tenant's events is.
type TenantStatus struct {
	// TenantID, Slug and Cluster say whose events and where.
	TenantID, Slug, Cluster string
	// Unpublished, Retrying and Failed count the events in these states.
	Unpublished, Retrying, Failed int64
	// Backlog is about how many events were unpublished when a worker looked last.
	Backlog int64
	// OldestUnpublishedAt is when the first event that waits was recorded; nil when none waits.
	OldestUnpublishedAt *time.Time
	// OldestAge is how long that one waits.
	OldestAge time.Duration
	// LastVisitedAt is when a worker looked last; nil before the first time.
	LastVisitedAt *time.Time
	// Holder is the worker process that publishes for the tenant, empty when none does at the moment.
	Holder string
	// LeaseExpiresAt is until when it does so unless it renews its lease; nil when there is no holder.
	LeaseExpiresAt *time.Time
	// Paused means that an operator stopped the publishing.
	Paused bool
}

// StatusPage is a page of tenants.
type StatusPage struct {
	// Tenants are in the order of clusters and, within one, of slugs.
	Tenants []TenantStatus
	// Unavailable are the clusters that did not answer; their tenants are missing.
	Unavailable []string
	// Next is the cursor of the next page, empty at the end.
	Next string
}

// Status returns a page of all tenants' publishing states, cluster after cluster. A cluster that does
// not answer is named and passed over.
func (s *Service) Status(ctx context.Context, actor tenants.Actor, filter StatusFilter) (StatusPage, error) {
	if err := actor.Require(tenants.Operator); err != nil {
		return StatusPage{}, err
	}
	names := s.clusters.Names()
	from, err := filter.position(names)
	if err != nil {
		return StatusPage{}, err
	}
	if filter.Sort != "" {
		return s.worst(ctx, names, filter)
	}
	var page StatusPage
	for _, name := range names[slices.Index(names, from.Cluster):] {
		if name != from.Cluster {
			from = statusPosition{Cluster: name}
		}
		if err := s.addCluster(ctx, &page, from, filter.Limit+1-len(page.Tenants)); err != nil {
			return StatusPage{}, err
		}
		if len(page.Tenants) > filter.Limit {
			break
		}
	}
	page.Tenants, page.Next, err = rest.Cut(page.Tenants, filter.Limit, func(t TenantStatus) any {
		return statusPosition{Cluster: t.Cluster, Slug: t.Slug}
	})
	return page, err
}

// addCluster appends what one cluster has after a position. Only the caller's own end is an error.
func (s *Service) addCluster(ctx context.Context, page *StatusPage, from statusPosition, limit int) error {
	return s.ask(ctx, page, from.Cluster, "dispatch.status($1, $2)", from.Slug, limit)
}

// ask appends what a function of one cluster answers.
func (s *Service) ask(ctx context.Context, page *StatusPage, name, function string, args ...any) error {
	cluster, err := s.clusters.Get(name)
	if err != nil {
		return err
	}
	found, err := clusterStatus(ctx, cluster, function, args...)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("read the outboxes' status: %w", ctx.Err())
	case err != nil:
		page.Unavailable = append(page.Unavailable, name)
	default:
		page.Tenants = append(page.Tenants, found...)
	}
	return nil
}

func clusterStatus(ctx context.Context, cluster *tenants.Cluster, function string, args ...any) ([]TenantStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	rows, err := cluster.Pool().Query(ctx, `
		select tenant_id::text, slug, unpublished, retrying, failed, oldest_unpublished_at, last_visited_at,
		       holder, lease_expires_at, paused, backlog
		from `+function, args...)
	if err != nil {
		return nil, fmt.Errorf("read the status of cluster %s: %w", cluster.Name(), err)
	}
	now := cluster.Now()
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (TenantStatus, error) {
		t := TenantStatus{Cluster: cluster.Name()}
		err := row.Scan(&t.TenantID, &t.Slug, &t.Unpublished, &t.Retrying, &t.Failed, &t.OldestUnpublishedAt,
			&t.LastVisitedAt, &t.Holder, &t.LeaseExpiresAt, &t.Paused, &t.Backlog)
		if t.OldestUnpublishedAt != nil {
			t.OldestAge = max(now.Sub(*t.OldestUnpublishedAt), 0)
		}
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the status of cluster %s: %w", cluster.Name(), err)
	}
	return found, nil
}

// position reads the cursor, which comes back from outside.
func (f *StatusFilter) position(clusters []string) (statusPosition, error) {
	if err := rest.BadParameters(rest.CheckLimit(&f.Limit)); err != nil {
		return statusPosition{}, err
	}
	if err := f.checkSort(); err != nil {
		return statusPosition{}, err
	}
	if f.Cursor == "" {
		return statusPosition{Cluster: clusters[0]}, nil
	}
	return rest.DecodeCursor(f.Cursor, func(p statusPosition) bool {
		return slices.Contains(clusters, p.Cluster) && storable(p.Slug)
	})
}
