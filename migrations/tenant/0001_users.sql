create table users (
    id           uuid primary key,
    email        text        not null,
    name         text        not null,
    role         text        not null,
    status       text        not null check (status in ('active', 'disabled')),
    lock_version bigint      not null,
    created_at   timestamptz not null,
    updated_at   timestamptz not null
);

-- One user per address, whatever its case.
create unique index users_email on users (lower(email));

-- Lists are newest first.
create index users_created_at on users (created_at, id);

grant select, insert, update, delete on users to {{role}};
