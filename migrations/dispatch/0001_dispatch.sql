-- All that the worker of one cluster needs to know, so that it goes on when the home cluster is away.
create table dispatch.tenants (
    tenant_id   uuid primary key,
    slug        text    not null,
    schema_name text    not null unique,
    role_name   text    not null,
    weight      integer not null check (weight between 1 and 100),
    paused      boolean not null default false
);

-- One row per tenant: who publishes for it, and what was seen there last. The fencing number grows
-- with every change of the holder and never shrinks.
create table dispatch.ledger (
    tenant_id             uuid primary key references dispatch.tenants (tenant_id) on delete cascade,
    holder                text        not null default '',
    fence                 bigint      not null default 0,
    expires_at            timestamptz not null default '-infinity',
    last_visited_at       timestamptz,
    oldest_unpublished_at timestamptz
) with (fillfactor = 70);

grant usage on schema dispatch to {{app}};
grant select, insert, update, delete on dispatch.tenants to {{app}};
grant select, insert, update, delete on dispatch.ledger to {{app}};

-- Raises unless this holder's lease is the current one. Every write-back calls it first in its own
-- transaction, so a holder that was paused past its lease changes nothing. SQLSTATE TN001 is ours.
create function dispatch.assert_lease(p_tenant uuid, p_holder text, p_fence bigint) returns void
language plpgsql as $$
begin
    perform 1 from dispatch.ledger
    where tenant_id = p_tenant and holder = p_holder and fence = p_fence and expires_at > clock_timestamp();
    if not found then
        raise exception 'the lease is not held any more' using errcode = 'TN001';
    end if;
end
$$;

-- Takes the leases that are free, keeps those that are held already, and tells for the others until
-- when they are taken.
create function dispatch.acquire(p_tenants uuid[], p_holder text, p_ttl interval)
returns table (tenant_id uuid, slug text, schema_name text, role_name text, weight integer, paused boolean,
               fence bigint, held boolean, expires_at timestamptz)
language sql as $$
    with wanted as (
        select l.tenant_id from dispatch.ledger l
        where l.tenant_id = any (p_tenants) and (l.expires_at <= clock_timestamp() or l.holder = p_holder)
        order by l.tenant_id
        for update skip locked
    ), taken as (
        update dispatch.ledger l
        set fence = case when l.holder = p_holder and l.expires_at > clock_timestamp() then l.fence else l.fence + 1 end,
            holder = p_holder,
            expires_at = clock_timestamp() + p_ttl
        from wanted w
        where l.tenant_id = w.tenant_id
        returning l.tenant_id, l.fence, l.expires_at
    )
    select t.tenant_id, t.slug, t.schema_name, t.role_name, t.weight, t.paused,
           coalesce(k.fence, l.fence), k.tenant_id is not null, coalesce(k.expires_at, l.expires_at)
    from dispatch.tenants t
    join dispatch.ledger l on l.tenant_id = t.tenant_id
    left join taken k on k.tenant_id = t.tenant_id
    where t.tenant_id = any (p_tenants)
$$;

-- Looks into at most p_limit schemas after p_after, in the order of their ids, and answers with those
-- that have work: unpublished messages, or deliveries that are due before long. It runs as the owner,
-- who may read every tenant's outbox. A tenant that cannot be looked into, because it has no tables yet,
-- or something is wrong with them or locks them, is passed over and does not count as visited: it must
-- not keep the others from their turn. More than a few hundred tenants in one transaction would overflow
-- the lock table.
create function dispatch.sweep(p_after uuid, p_limit integer)
returns table (tenant_id uuid, oldest_unpublished_at timestamptz, due_at timestamptz, last_in_chunk boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '200ms' as $$
declare
    t record;
    ids uuid[] := '{}';
    olds timestamptz[] := '{}';
    looked integer := 0;
    last_id uuid;
begin
    for t in
        select d.tenant_id, d.schema_name from dispatch.tenants d
        where d.tenant_id > p_after order by d.tenant_id limit p_limit
    loop
        tenant_id := t.tenant_id;
        last_in_chunk := false;
        looked := looked + 1;
        last_id := t.tenant_id;
        begin
            execute format(
                'select (select m.created_at from %1$I.outbox_messages m where m.status = ''unpublished'' order by m.seq limit 1),
                        (select min(d.next_attempt_at) from %1$I.deliveries d where d.status = ''retrying'')',
                t.schema_name) into oldest_unpublished_at, due_at;
        exception when others then
            continue;
        end;
        ids := ids || t.tenant_id;
        olds := olds || oldest_unpublished_at;
        if oldest_unpublished_at is not null or due_at is not null then
            return next;
        end if;
    end loop;

    -- The rows are locked in the order of their ids, as by all who lock many of them.
    perform 1 from dispatch.ledger l where l.tenant_id = any (ids) order by l.tenant_id for update;
    update dispatch.ledger l
    set last_visited_at = clock_timestamp(), oldest_unpublished_at = v.old
    from unnest(ids, olds) as v (id, old)
    where l.tenant_id = v.id;

    -- The last row is where the next chunk starts; none means that the round is over.
    if looked = p_limit then
        tenant_id := last_id;
        oldest_unpublished_at := null;
        due_at := null;
        last_in_chunk := true;
        return next;
    end if;
end
$$;

-- Exact figures for operators, a page of tenants at a time.
create function dispatch.status(p_after text, p_limit integer)
returns table (tenant_id uuid, slug text, paused boolean, unpublished bigint, retrying bigint, failed bigint,
               oldest_unpublished_at timestamptz, last_visited_at timestamptz, holder text, lease_expires_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '200ms' as $$
declare
    t record;
begin
    for t in
        select d.tenant_id, d.slug, d.schema_name, d.paused, l.last_visited_at, l.holder, l.expires_at
        from dispatch.tenants d join dispatch.ledger l on l.tenant_id = d.tenant_id
        where d.slug > p_after order by d.slug limit p_limit
    loop
        tenant_id := t.tenant_id;
        slug := t.slug;
        paused := t.paused;
        last_visited_at := t.last_visited_at;
        holder := case when t.expires_at > clock_timestamp() then t.holder else '' end;
        lease_expires_at := case when t.expires_at > clock_timestamp() then t.expires_at end;
        begin
            execute format(
                'select (select count(*) from %1$I.outbox_messages where status = ''unpublished''),
                        (select count(*) from %1$I.outbox_messages where status = ''retrying''),
                        (select count(*) from %1$I.outbox_messages where status = ''failed''),
                        (select m.created_at from %1$I.outbox_messages m where m.status = ''unpublished'' order by m.seq limit 1)',
                t.schema_name) into unpublished, retrying, failed, oldest_unpublished_at;
        exception when others then
            unpublished := 0;
            retrying := 0;
            failed := 0;
            oldest_unpublished_at := null;
        end;
        return next;
    end loop;
end
$$;

revoke execute on all functions in schema dispatch from public;
grant execute on all functions in schema dispatch to {{app}};
