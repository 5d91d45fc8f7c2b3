-- Where the time of an event went, for whoever asks why it was late. The statement that completes the
-- message writes them too, so they cost no write of their own: when the worker knew that the tenant had
-- work, when it began to wait for the turn that took the event, when that turn began, and when the event
-- was handed over. published_at is the end.
alter table outbox_messages
    add column discovered_at timestamptz,
    add column queued_at     timestamptz,
    add column turn_at       timestamptz,
    add column attempted_at  timestamptz;

-- Each attempt that failed, for the operator. Success leaves no row.
create table delivery_attempts (
    seq        bigint      not null,
    handler    text        not null,
    attempt    integer     not null,
    started_at timestamptz not null,
    took_ms    double precision not null,
    error      text        not null,
    primary key (seq, handler, started_at)
);

-- Retention goes by age.
create index delivery_attempts_started on delivery_attempts (started_at);

grant select, insert on delivery_attempts to {{role}};
