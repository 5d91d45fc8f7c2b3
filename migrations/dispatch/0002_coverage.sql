-- Which worker processes there are, so that they can share the tenants evenly. A process renews its row
-- together with its leases.
create table dispatch.workers (
    holder  text primary key,
    seen_at timestamptz not null
);

-- Handlers that an operator paused for all tenants of the cluster. What is due for them waits.
create table dispatch.paused_handlers (
    handler   text primary key,
    paused_at timestamptz not null
);

-- The backlog that the last look saw, until when retention has kept up with the tenant, and since when it
-- can be expected to be visited.
alter table dispatch.ledger
    add column backlog   bigint      not null default 0,
    add column pruned_at timestamptz not null default clock_timestamp(),
    add column placed_at timestamptz not null default clock_timestamp();

grant select, insert, update, delete on dispatch.workers, dispatch.paused_handlers to {{app}};

drop function dispatch.sweep(uuid, integer);

-- Looks into at most p_limit schemas after p_after, in the order of their ids, and answers with those
-- that have work: unpublished messages, or deliveries that are due before long. It runs as the owner,
-- who may read every tenant's outbox. A tenant that cannot be looked into, because it has no tables yet,
-- or something is wrong with them or locks them, is passed over and does not count as visited: it must
-- not keep the others from their turn. More than a few hundred tenants in one transaction would overflow
-- the lock table.
--
-- A tenant's role writes its own outbox, so what is read there may be any value of its type. Only what
-- every process can read leaves here, or one tenant's row would end the look into all: times between 1970
-- and soon, and a backlog that is a bigint.
--
-- What is due for paused handlers is passed over, one row after the other. An index by handler would save
-- that, and make the look into each tenant that has nothing due a fifth slower.
create function dispatch.sweep(p_after uuid, p_limit integer)
returns table (tenant_id uuid, oldest_unpublished_at timestamptz, due_at timestamptz, backlog bigint,
               last_in_chunk boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '200ms' as $$
declare
    t record;
    ids uuid[] := '{}';
    olds timestamptz[] := '{}';
    backlogs bigint[] := '{}';
    paused text[];
    first_seq bigint;
    looked integer := 0;
    last_id uuid;
begin
    select coalesce(array_agg(p.handler), '{}') into paused from dispatch.paused_handlers p;
    for t in
        select d.tenant_id, d.schema_name from dispatch.tenants d
        where d.tenant_id > p_after order by d.tenant_id limit p_limit
    loop
        tenant_id := t.tenant_id;
        last_in_chunk := false;
        looked := looked + 1;
        last_id := t.tenant_id;
        begin
            execute format('select m.seq, greatest(least(m.created_at, clock_timestamp()), ''epoch'')
                            from %I.outbox_messages m where m.status = ''unpublished''
                            order by m.seq limit 1', t.schema_name) into first_seq, oldest_unpublished_at;
            execute format('select greatest(least(d.next_attempt_at, clock_timestamp() + interval ''1 year''), ''epoch'')
                            from %I.deliveries d
                            where d.status = ''retrying'' and d.handler <> all ($1)
                            order by d.next_attempt_at limit 1', t.schema_name) into due_at using paused;
            backlog := 0;
            if first_seq is not null then
                execute format('select least(m.seq - $1::numeric + 1, 9223372036854775807) from %I.outbox_messages m where m.status = ''unpublished''
                                order by m.seq desc limit 1', t.schema_name) into backlog using first_seq;
                backlog := coalesce(backlog, 1);
            end if;
        exception when others then
            continue;
        end;
        ids := ids || t.tenant_id;
        olds := olds || oldest_unpublished_at;
        backlogs := backlogs || backlog;
        if oldest_unpublished_at is not null or due_at is not null then
            return next;
        end if;
    end loop;

    -- The rows are locked in the order of their ids, as by all who lock many of them.
    perform 1 from dispatch.ledger l where l.tenant_id = any (ids) order by l.tenant_id for update;
    update dispatch.ledger l
    set last_visited_at = clock_timestamp(), oldest_unpublished_at = v.old, backlog = v.backlog
    from unnest(ids, olds, backlogs) as v (id, old, backlog)
    where l.tenant_id = v.id;

    -- The last row is where the next chunk starts; none means that the round is over.
    if looked = p_limit then
        tenant_id := last_id;
        oldest_unpublished_at := null;
        due_at := null;
        backlog := 0;
        last_in_chunk := true;
        return next;
    end if;
end
$$;

revoke execute on function dispatch.sweep(uuid, integer) from public;
grant execute on function dispatch.sweep(uuid, integer) to {{app}};

-- Tells that a process lives, and what it should know of the others: how many tenants each live one
-- holds, which leases ran out because their holder died (who gives one up sets it to -infinity), how many
-- tenants there are, and how many of them nobody has visited for longer than p_visit_within.
create function dispatch.heartbeat(p_holder text, p_ttl interval, p_visit_within interval)
returns table (peers bigint[], orphans uuid[], tenants bigint, unvisited bigint)
language sql as $$
    with self as (
        insert into dispatch.workers as w (holder, seen_at) values (p_holder, clock_timestamp())
        on conflict (holder) do update set seen_at = excluded.seen_at
    ), dead as (
        select w.holder from dispatch.workers w
        where w.holder <> p_holder and w.seen_at <= clock_timestamp() - p_ttl
        for update skip locked
    ), forgotten as (
        delete from dispatch.workers w using dead d where w.holder = d.holder
    ), leases as (
        select l.holder, count(*) as held from dispatch.ledger l
        where l.expires_at > clock_timestamp() group by l.holder
    )
    select array(select coalesce(l.held, 0) from dispatch.workers w left join leases l on l.holder = w.holder
                 where w.holder <> p_holder and w.seen_at > clock_timestamp() - p_ttl),
           array(select l.tenant_id from dispatch.ledger l
                 where l.expires_at > '-infinity' and l.expires_at <= clock_timestamp()),
           count(*),
           count(*) filter (where coalesce(c.last_visited_at, c.placed_at) < clock_timestamp() - p_visit_within)
    from dispatch.ledger c
$$;

drop function dispatch.status(text, integer);

-- Exact figures of some tenants for operators, and beside them the backlog as the last look saw it. Of a
-- tenant's times the same leaves here as from the sweep.
create function dispatch.status_of(p_tenants uuid[])
returns table (tenant_id uuid, slug text, paused boolean, unpublished bigint, retrying bigint, failed bigint,
               oldest_unpublished_at timestamptz, last_visited_at timestamptz, holder text,
               lease_expires_at timestamptz, backlog bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '200ms' as $$
declare
    t record;
begin
    for t in
        select d.tenant_id, d.slug, d.schema_name, d.paused, l.last_visited_at, l.holder, l.expires_at, l.backlog
        from dispatch.tenants d join dispatch.ledger l on l.tenant_id = d.tenant_id
        where d.tenant_id = any (p_tenants) order by d.slug
    loop
        tenant_id := t.tenant_id;
        slug := t.slug;
        paused := t.paused;
        last_visited_at := t.last_visited_at;
        holder := case when t.expires_at > clock_timestamp() then t.holder else '' end;
        lease_expires_at := case when t.expires_at > clock_timestamp() then t.expires_at end;
        backlog := t.backlog;
        begin
            execute format(
                'select (select count(*) from %1$I.outbox_messages where status = ''unpublished''),
                        (select count(*) from %1$I.outbox_messages where status = ''retrying''),
                        (select count(*) from %1$I.outbox_messages where status = ''failed''),
                        (select greatest(least(m.created_at, clock_timestamp()), ''epoch'')
                         from %1$I.outbox_messages m where m.status = ''unpublished'' order by m.seq limit 1)',
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

-- The same, a page of tenants at a time, in the order of their slugs.
create function dispatch.status(p_after text, p_limit integer)
returns table (tenant_id uuid, slug text, paused boolean, unpublished bigint, retrying bigint, failed bigint,
               oldest_unpublished_at timestamptz, last_visited_at timestamptz, holder text,
               lease_expires_at timestamptz, backlog bigint)
language sql as $$
    select s.tenant_id, s.slug, s.paused, s.unpublished, s.retrying, s.failed, s.oldest_unpublished_at,
           s.last_visited_at, s.holder, s.lease_expires_at, s.backlog
    from dispatch.status_of(array(
        select t.tenant_id from dispatch.tenants t where t.slug > p_after order by t.slug limit p_limit)) s
$$;

-- The worst tenants first, by what the last look saw: p_by is oldest, backlog or visited.
create function dispatch.worst(p_by text, p_limit integer)
returns table (tenant_id uuid, slug text, paused boolean, unpublished bigint, retrying bigint, failed bigint,
               oldest_unpublished_at timestamptz, last_visited_at timestamptz, holder text,
               lease_expires_at timestamptz, backlog bigint)
language sql as $$
    select s.tenant_id, s.slug, s.paused, s.unpublished, s.retrying, s.failed, s.oldest_unpublished_at,
           s.last_visited_at, s.holder, s.lease_expires_at, s.backlog
    from dispatch.status_of(array(
        select l.tenant_id from dispatch.ledger l
        order by case p_by when 'oldest' then l.oldest_unpublished_at end,
                 case p_by when 'backlog' then -l.backlog end,
                 case p_by when 'visited' then coalesce(l.last_visited_at, '-infinity') end,
                 l.tenant_id
        limit p_limit)) s
$$;

revoke execute on all functions in schema dispatch from public;
grant execute on all functions in schema dispatch to {{app}};
