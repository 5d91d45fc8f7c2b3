-- What happened, for ever: the application may add and read, never change.
create table events (
    seq               bigint generated always as identity primary key,
    id                uuid        not null unique,
    name              text        not null,
    aggregate_type    text        not null,
    aggregate_id      uuid        not null,
    aggregate_version bigint      not null,
    actor_id          text        not null,
    request_id        text        not null,
    traceparent       text        not null default '',
    data              jsonb       not null,
    created_at        timestamptz not null
);

-- One per question of the audit; each ends in the order of the answer. The condition of the first is
-- true of all events, and stated by the queries that have no other index to use: so the planner cannot
-- take it for the others, where a value that is common but not recent would have it read everything.
create index events_created on events (created_at, seq) where seq > 0;
create index events_name on events (name, created_at, seq);
create index events_type on events (aggregate_type, created_at, seq);
create index events_aggregate on events (aggregate_id, created_at, seq);
create index events_actor on events (actor_id, created_at, seq);

-- The publishing state of each event, apart from it and narrow, because it is rewritten.
create table outbox_messages (
    seq          bigint primary key,
    status       text        not null default 'unpublished'
                 check (status in ('unpublished', 'retrying', 'published', 'failed')),
    attempts     integer     not null default 0,
    lock_version bigint      not null default 1,
    created_at   timestamptz not null,
    published_at timestamptz
);

-- The publisher's queue, in order.
create index outbox_messages_unpublished on outbox_messages (seq) where status = 'unpublished';
-- The audit's filter by status.
create index outbox_messages_status on outbox_messages (status, created_at, seq);

-- What did not succeed the first time, per event and handler. Only the first open one of an aggregate
-- and handler is 'retrying' or 'failed'; those behind it wait, in order.
create table deliveries (
    seq             bigint      not null,
    event_id        uuid        not null,
    handler         text        not null,
    aggregate_type  text        not null,
    aggregate_id    uuid        not null,
    status          text        not null check (status in ('retrying', 'waiting', 'failed')),
    attempts        integer     not null default 0,
    next_attempt_at timestamptz not null,
    last_error      text        not null default '',
    lock_version    bigint      not null default 1,
    created_at      timestamptz not null,
    primary key (seq, handler)
);

create index deliveries_due on deliveries (next_attempt_at) where status = 'retrying';
create index deliveries_chain on deliveries (aggregate_type, aggregate_id, handler, seq);
create index deliveries_failed on deliveries (seq) where status = 'failed';

-- What transactional handlers have applied: a second delivery finds its row and does nothing.
create table inbox (
    event_id   uuid        not null,
    handler    text        not null,
    applied_at timestamptz not null,
    primary key (event_id, handler)
);

grant select, insert on events to {{role}};
grant select, insert, update, delete on outbox_messages, deliveries to {{role}};
grant select, insert, delete on inbox to {{role}};
