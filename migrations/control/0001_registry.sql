-- The registry of tenants. It lives on the home cluster only.
create table control.tenants (
    id             uuid primary key,
    slug           text        not null unique,
    name           text        not null,
    status         text        not null check (status in ('provisioning', 'active', 'suspended', 'offboarding')),
    cluster        text        not null,
    schema_name    text        not null unique,
    role_name      text        not null unique,
    weight         integer     not null default 1 check (weight between 1 and 100),
    schema_version text        not null default '',
    schema_error   text        not null default '',
    owner_email    text        not null,
    owner_name     text        not null,
    owner_user_id  uuid,
    lock_version   bigint      not null,
    created_at     timestamptz not null,
    updated_at     timestamptz not null
);

-- The resolver of every API process asks for what changed lately.
create index tenants_updated_at on control.tenants (updated_at);

-- Every slug that was ever given, so that none is given to another tenant: old tokens, subjects and
-- consumers still name it.
create table control.slugs (
    slug       text primary key,
    tenant_id  uuid        not null references control.tenants (id),
    created_at timestamptz not null
);

-- What operators did, append-only for the application.
create table control.events (
    seq        bigint generated always as identity primary key,
    id         uuid        not null unique,
    name       text        not null,
    tenant_id  uuid        not null,
    actor_id   text        not null,
    request_id text        not null,
    data       jsonb       not null,
    created_at timestamptz not null
);

create index control_events_tenant on control.events (tenant_id, seq);

grant usage on schema control to {{app}};
grant select, insert, update on control.tenants to {{app}};
grant select, insert on control.slugs, control.events to {{app}};
