package tenants

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Run keeps the resolver's memory up to date until the context ends. A poll that fails is repeated at
// the next interval; what it would have reported is reported then.
func (r *Resolver) Run(ctx context.Context) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	away := false
	for {
		err := r.poll(ctx)
		if ctx.Err() == nil && away != (err != nil) {
			away = err != nil
			r.noteAway(ctx, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// noteAway logs the beginning and the end of a time in which polls fail.
func (r *Resolver) noteAway(ctx context.Context, err error) {
	if err != nil {
		r.registry.log.WarnContext(ctx, "the registry cannot be asked what changed; every request asks it for its tenant", "error", err)
		return
	}
	r.registry.log.InfoContext(ctx, "the registry can be asked what changed again")
}

// poll asks for the rows whose last change the last poll did not see, which PostgreSQL can say exactly:
// no clock is involved, and it does not matter in which order transactions become visible.
func (r *Resolver) poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	began, last := r.beginPoll()
	snapshot, changed, err := r.registry.changedSince(ctx, last)
	r.endPoll(began, last, snapshot, changed, err)
	return err
}

func (r *Resolver) beginPoll() (began time.Time, last string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.polling = true
	return r.clock(), r.snapshot
}

func (r *Resolver) endPoll(began time.Time, last, snapshot string, changed []Tenant, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.polling = false
	r.polls++
	if err != nil {
		if away(err) && !errors.Is(err, context.DeadlineExceeded) {
			r.snapshot = "" // another server may answer next, which has lost what this one knew
		}
		return
	}
	if last == "" {
		r.byID.Purge() // nothing is known of the time before
	}
	for _, tenant := range changed {
		if known, ok := r.byID.Peek(tenant.ID); ok && known.LockVersion < tenant.LockVersion {
			r.byID.Add(tenant.ID, tenant)
		}
	}
	r.snapshot, r.freshAt = snapshot, began
}

// changedRow is one row of the answer: every one carries the snapshot, and one without a tenant means
// that nothing changed.
type changedRow struct {
	Tenant `gorm:"embedded"`

	Seen string
}

// changedSince returns the present snapshot and the tenants that changed since an earlier one, in one
// statement, so that both are of the same moment. Without an earlier one nothing has changed.
func (r *Registry) changedSince(ctx context.Context, last string) (string, []Tenant, error) {
	db := r.gorm.WithContext(ctx)
	query := db.Raw("select pg_current_snapshot()::text as seen")
	if last != "" {
		query = db.Raw("select s.seen, "+tenantColumns+` from (select pg_current_snapshot()::text as seen) s
			left join control.tenants t on t.changed_in >= pg_snapshot_xmin(?::pg_snapshot)
				and not pg_visible_in_snapshot(t.changed_in, ?::pg_snapshot)`, last, last)
	}
	var rows []changedRow
	if err := query.Scan(&rows).Error; err != nil {
		return "", nil, databaseFault(fmt.Errorf("read what changed: %w", err))
	}
	var changed []Tenant
	for _, row := range rows {
		if row.ID != "" {
			changed = append(changed, row.Tenant)
		}
	}
	return rows[0].Seen, changed, nil
}
