-- Where the time of an event went, for whoever asks why it was late. The statement that completes the
-- message writes them too, so they cost no write of their own: when the worker knew that the tenant had
-- work, when it began to wait for the turn that took the event, when that turn began, and when the event
-- was handed over. published_at is the end.
alter table outbox_messages
    add column discovered_at timestamptz,
    add column queued_at     timestamptz,
    add column turn_at       timestamptz,
    add column attempted_at  timestamptz;

-- Each attempt that failed, for the operator. Success leaves no row. The tenant's role can add rows of its
-- own making: the checks let in only what every reader can read, and page through.
create table delivery_attempts (
    seq        bigint      not null,
    handler    text        not null,
    attempt    integer     not null,
    started_at timestamptz not null check (started_at >= '2000-01-01Z' and started_at < '9999-12-31Z'),
    took_ms    double precision not null check (took_ms >= 0 and took_ms < 'Infinity'),
    error      text        not null check (length(error) <= 500),
    primary key (seq, handler, started_at)
);

-- Retention goes by age.
create index delivery_attempts_started on delivery_attempts (started_at);

grant select, insert on delivery_attempts to {{role}};
