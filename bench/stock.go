package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/tenants"
)

var operator = tenants.Actor{UserID: "bench", Roles: []tenants.Role{tenants.Operator}} //nolint:gochecknoglobals // a constant

// grow makes tenants through the program's own onboarding until there are n, and says how long that took.
func (w *world) grow(ctx context.Context, r *report, n int) error {
	missing := n - len(w.all)
	if missing <= 0 {
		return nil
	}
	began := time.Now()
	slugs := make([]string, missing)
	for i := range slugs {
		slugs[i] = fmt.Sprintf("tenant-%d", len(w.all)+i)
	}
	made, err := w.onboard(ctx, slugs)
	w.all = append(w.all, made...)
	r.condition(fmt.Sprintf("%d tenants more, made by the program's own onboarding in %.1fs", missing, time.Since(began).Seconds()))
	return err
}

// onboard makes a tenant of each slug, or finds the one that an earlier run has made.
func (w *world) onboard(ctx context.Context, slugs []string) ([]tenant, error) {
	made := make([]tenant, len(slugs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide())
	for i, slug := range slugs {
		group.Go(func() (err error) {
			made[i], _, err = w.service.Onboard(ctx, operator, tenants.OnboardRequest{
				Slug: slug, Name: slug, OwnerEmail: "owner@" + slug + ".example", OwnerName: "Owner",
			})
			return err
		})
	}
	return made, group.Wait()
}

// sideBySide is how many preparations run at the same time.
func sideBySide() int { return 2 * runtime.GOMAXPROCS(0) }

// forEach prepares tenants side by side.
func forEach(ctx context.Context, all []tenant, do func(ctx context.Context, t tenant) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide())
	for _, t := range all {
		group.Go(func() error { return do(ctx, t) })
	}
	return group.Wait()
}

// reset gives each of some tenants a history and a backlog, all others nothing to do, and empties the
// stream.
func (w *world) reset(ctx context.Context, among []tenant, history, backlog int) error {
	loaded := make(map[string]bool, len(among))
	for _, t := range among {
		loaded[t.ID] = true
	}
	err := forEach(ctx, w.all, func(ctx context.Context, t tenant) error {
		if loaded[t.ID] {
			return w.fill(ctx, t, history, backlog)
		}
		return w.settle(ctx, t)
	})
	if err != nil {
		return err
	}
	return w.emptyStream(ctx)
}

// emptyStream begins each measurement alike: with nothing in the stream and nothing to write out.
func (w *world) emptyStream(ctx context.Context) error {
	if _, err := w.owner.Exec(ctx, "checkpoint"); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := w.js.DeleteStream(ctx, streamName); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("delete the stream: %w", err)
	}
	return w.createStream(ctx)
}

// createStream tries again while the files of the one that was deleted are still being removed.
func (w *world) createStream(ctx context.Context) error {
	var err error
	for deadline := time.Now().Add(ackWait); time.Now().Before(deadline); {
		_, err = w.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: streamName, Subjects: []string{"events.>"}, Storage: jetstream.FileStorage,
			AllowDirect: true, MaxAge: 7 * 24 * time.Hour, Duplicates: 30 * time.Minute,
		})
		if err == nil {
			return nil
		}
		if err := sleepUntil(ctx, time.Now().Add(50*time.Millisecond)); err != nil {
			return err
		}
	}
	return fmt.Errorf("create the stream: %w", err)
}

const streamName = "EVENTS"

// settle leaves a tenant nothing to do. Its events are as if they had been published and pruned.
func (w *world) settle(ctx context.Context, t tenant) error {
	return w.execute(ctx, t, `do $$ begin
		if exists (select from %[1]s.outbox_messages where status = 'unpublished') or exists (select from %[1]s.deliveries) then
			truncate %[1]s.outbox_messages, %[1]s.deliveries;
		end if;
	end $$`)
}

// fill gives a tenant events, of which the first are published. Events that are there are used again: it
// is the messages that a drain rewrites.
func (w *world) fill(ctx context.Context, t tenant, history, backlog int) error {
	w.mu.Lock()
	events, known := w.filled[t.ID]
	ready := known && events == history+backlog
	w.filled[t.ID] = history + backlog
	w.mu.Unlock()
	if !ready {
		if err := w.execute(ctx, t, eventsSQL, history+backlog, w.opened.UTC().Format(time.RFC3339Nano)); err != nil {
			return err
		}
	}
	return w.execute(ctx, t, messagesSQL, history)
}

// written notes that tenants have events of another kind now.
func (w *world) written(among []tenant) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range among {
		delete(w.filled, t.ID)
	}
}

// eventsSQL makes events of about 400 bytes over a thousand aggregates, a millisecond apart and until
// the same moment, so that those of all tenants take turns in the order of time.
const eventsSQL = `
	truncate %[1]s.outbox_messages;
	truncate %[1]s.events restart identity;
	insert into %[1]s.events (id, name, aggregate_type, aggregate_id, aggregate_version, actor_id, request_id, data, created_at)
	select gen_random_uuid(), 'User.updated', 'User', md5((i %% 1000)::text)::uuid, i / 1000 + 1,
	       '0197a9d0-0000-7000-8000-000000000001', 'req-' || i,
	       jsonb_build_object('changes', jsonb_build_object('name',
	         jsonb_build_object('from', repeat('a', 60), 'to', repeat('b', 60)))),
	       timestamptz '%[3]s' - (%[2]d - i) * interval '1 millisecond' from generate_series(1, %[2]d) i;
	analyze %[1]s.events`

const messagesSQL = `
	truncate %[1]s.outbox_messages, %[1]s.deliveries, %[1]s.inbox;
	insert into %[1]s.outbox_messages (seq, status, created_at, published_at)
	select seq, case when seq > %[2]d then 'unpublished' else 'published' end, created_at,
	       case when seq <= %[2]d then created_at end from %[1]s.events;
	analyze %[1]s.outbox_messages`

// execute runs statements on one tenant's tables.
func (w *world) execute(ctx context.Context, t tenant, sql string, args ...any) error {
	if _, err := w.owner.Exec(ctx, fmt.Sprintf(sql, append([]any{t.SchemaName}, args...)...)); err != nil {
		return fmt.Errorf("prepare tenant %s: %w", t.Slug, err)
	}
	return nil
}

// backlog counts the unpublished events of some tenants.
func (w *world) backlog(ctx context.Context, among []tenant) (total int, err error) {
	for _, t := range among {
		var n int
		sql := fmt.Sprintf(`select count(*) from %s.outbox_messages where status = 'unpublished'`, t.SchemaName)
		if err := w.owner.QueryRow(ctx, sql).Scan(&n); err != nil {
			return 0, fmt.Errorf("count the backlog: %w", err)
		}
		total += n
	}
	return total, nil
}
