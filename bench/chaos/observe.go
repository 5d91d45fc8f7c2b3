package chaos

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tenantry/tenantry/app"
	"github.com/tenantry/tenantry/tenants"
)

// unsettled is how many events wait to be published, of all tenants.
func (w *world) unsettled(ctx context.Context) (n int, err error) {
	all := w.all()
	branches := make([]string, len(all))
	for i, t := range all {
		branches[i] = fmt.Sprintf("select count(*) as n from %s.outbox_messages where status <> 'published'", quoted(t.SchemaName))
	}
	sql := "select coalesce(sum(n), 0)::bigint from (" + strings.Join(branches, " union all ") + ") every"
	err = persist(ctx, func(ctx context.Context) error { return w.superuser.QueryRow(ctx, sql).Scan(&n) })
	if err != nil {
		return 0, fmt.Errorf("count what is not published: %w", err)
	}
	return n, nil
}

// settle waits until everything is published, and returns how many events are not when its time is over.
func (w *world) settle(ctx context.Context) (left int, err error) {
	limited, cancel := context.WithTimeout(ctx, w.config.SettleLimit)
	defer cancel()
	for {
		n, err := w.unsettled(limited)
		if limited.Err() != nil {
			return left, ctx.Err() // what is not published is found in the tables
		}
		if left = n; err != nil || left == 0 {
			return left, err
		}
		rest(limited, again)
	}
}

// observe reads everything that the run has left: tables, stream and journals.
func (w *world) observe(ctx context.Context, writes []write) (o observed, dropped int, err error) {
	o.window = w.settings.Stream.DuplicateWindow
	all := w.all()
	o.ledger = ledger{events: map[string]event{}, writes: writes, tenants: len(all)}
	for _, t := range all {
		if err := w.readEvents(ctx, t, o.ledger.events); err != nil {
			return o, 0, err
		}
		if o.effects, err = w.readEffects(ctx, t, o.effects); err != nil {
			return o, 0, err
		}
	}
	if o.stream, err = w.readStream(ctx); err != nil {
		return o, 0, err
	}
	o.calls, dropped, err = readJournals(w.dir)
	return o, dropped, err
}

func (w *world) readEvents(ctx context.Context, t tenants.Tenant, into map[string]event) error {
	rows, err := w.superuser.Query(ctx, fmt.Sprintf(`
		select e.id::text, e.seq, e.name, e.aggregate_type || '/' || e.aggregate_id, e.aggregate_version,
		       coalesce(m.status, 'published')
		from %[1]s.events e left join %[1]s.outbox_messages m on m.seq = e.seq`, quoted(t.SchemaName)))
	if err != nil {
		return fmt.Errorf("read the events of %s: %w", t.Slug, err)
	}
	defer rows.Close()
	for rows.Next() {
		e := event{Tenant: t.ID, Slug: t.Slug}
		if err := rows.Scan(&e.ID, &e.Seq, &e.Name, &e.Aggregate, &e.Version, &e.Status); err != nil {
			return fmt.Errorf("read an event of %s: %w", t.Slug, err)
		}
		into[e.ID] = e
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the events of %s: %w", t.Slug, err)
	}
	return nil
}

// readEffects adds what the transactional handler left in a tenant's schema, in order. The time of an
// effect is not kept.
func (w *world) readEffects(ctx context.Context, t tenants.Tenant, effects []sighting) ([]sighting, error) {
	rows, err := w.superuser.Query(ctx, fmt.Sprintf(
		`select event_id::text, tenant_id::text, name, aggregate, version from %s.chaos_effects order by n`, quoted(t.SchemaName)))
	if err != nil {
		return nil, fmt.Errorf("read the effects in %s: %w", t.Slug, err)
	}
	defer rows.Close()
	for rows.Next() {
		s := sighting{Slug: t.Slug}
		if err := rows.Scan(&s.EventID, &s.Tenant, &s.Name, &s.Aggregate, &s.Version); err != nil {
			return nil, fmt.Errorf("read an effect in %s: %w", t.Slug, err)
		}
		effects = append(effects, s)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the effects in %s: %w", t.Slug, err)
	}
	return effects, nil
}

// readStream reads the whole stream of events, as a consumer that begins today would get it.
func (w *world) readStream(ctx context.Context) ([]sighting, error) {
	conn, err := nats.Connect(w.broker.url())
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("reach JetStream: %w", err)
	}
	stream, err := js.Stream(ctx, app.StreamName)
	if err != nil {
		return nil, fmt.Errorf("find the stream: %w", err)
	}
	state := stream.CachedInfo().State
	if state.Msgs == 0 {
		return nil, nil
	}
	if state.LastSeq != state.Msgs {
		return nil, fmt.Errorf("the stream has %d messages, the last of which is number %d", state.Msgs, state.LastSeq)
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{HeadersOnly: true})
	if err != nil {
		return nil, fmt.Errorf("read the stream: %w", err)
	}
	return readAll(ctx, consumer, state.Msgs)
}

func readAll(ctx context.Context, consumer jetstream.Consumer, n uint64) ([]sighting, error) {
	messages, err := consumer.Messages()
	if err != nil {
		return nil, fmt.Errorf("read the stream: %w", err)
	}
	defer messages.Stop()
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	seen := make([]sighting, 0, n)
	for range n {
		message, err := messages.Next()
		if err != nil {
			return nil, fmt.Errorf("read the stream: %w", errors.Join(err, ctx.Err()))
		}
		s, err := sightingOf(message)
		if err != nil {
			return nil, err
		}
		seen = append(seen, s)
	}
	return seen, nil
}

func sightingOf(message jetstream.Msg) (sighting, error) {
	metadata, err := message.Metadata()
	if err != nil {
		return sighting{}, fmt.Errorf("read a message's number: %w", err)
	}
	header := message.Headers()
	version, err := strconv.ParseInt(header.Get("ce-aggregateversion"), 10, 64)
	if err != nil {
		return sighting{}, fmt.Errorf("read a message's version: %w", err)
	}
	slug, name := cutSubject(message.Subject())
	return sighting{
		EventID: same(header.Get(nats.MsgIdHdr), header.Get("ce-id")), Tenant: header.Get("ce-tenant"), Slug: slug,
		Name: same(name, header.Get("ce-type")), Aggregate: header.Get("ce-subject"), Version: version, At: metadata.Timestamp,
	}, nil
}

// same is what two headers agree on. Where they do not, it is what no event has.
func same(one, other string) string {
	if one != other {
		return one + " and " + other
	}
	return one
}

// cutSubject returns the slug and the event's name in a subject.
func cutSubject(subject string) (slug, name string) {
	_, tenant, _ := strings.Cut(subject, ".")
	slug, name, _ = strings.Cut(tenant, ".")
	return slug, name
}
