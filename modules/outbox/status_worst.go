package outbox

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tenantry/tenantry/app/fault"
)

// What the worst tenants are worst by.
const (
	// SortOldest is by the age of the oldest unpublished event.
	SortOldest = "oldest"
	// SortBacklog is by how many events are unpublished.
	SortBacklog = "backlog"
	// SortVisited is by how long ago a worker looked.
	SortVisited = "visited"
)

// worseFirst compare tenants; there is one for each sort.
func worseFirst(sort string) func(a, b TenantStatus) int {
	switch sort {
	case SortOldest:
		return func(a, b TenantStatus) int { return cmp.Compare(b.OldestAge, a.OldestAge) }
	case SortBacklog:
		return func(a, b TenantStatus) int { return cmp.Compare(b.Unpublished, a.Unpublished) }
	case SortVisited:
		return func(a, b TenantStatus) int { return visited(a).Compare(visited(b)) }
	default:
		return nil
	}
}

// visited is before all times for a tenant that nobody has visited.
func visited(t TenantStatus) time.Time {
	if t.LastVisitedAt == nil {
		return time.Time{}
	}
	return *t.LastVisitedAt
}

func (f *StatusFilter) checkSort() error {
	switch {
	case f.Sort == "":
		return nil
	case worseFirst(f.Sort) == nil:
		return fault.New(fault.Malformed, "bad_sort", "The sort is oldest, backlog or visited.")
	case f.Cursor != "":
		return fault.New(fault.Malformed, "bad_cursor", "With a sort there is one page only, and no cursor.")
	default:
		return nil
	}
}

// worst chooses the worst tenants of each cluster by its ledger, which is as old as the last look, counts
// only theirs exactly, and orders them by that.
func (s *Service) worst(ctx context.Context, clusters []string, filter StatusFilter) (StatusPage, error) {
	var page StatusPage
	for _, name := range clusters {
		if err := s.ask(ctx, &page, name, "dispatch.worst($1, $2)", filter.Sort, filter.Limit); err != nil {
			return StatusPage{}, err
		}
	}
	slices.SortStableFunc(page.Tenants, worseFirst(filter.Sort))
	page.Tenants = page.Tenants[:min(len(page.Tenants), filter.Limit)]
	return page, nil
}
