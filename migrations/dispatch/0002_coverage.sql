-- Which worker processes there are, so that they can share the tenants evenly. A process renews its row
-- together with its leases.
create table dispatch.workers (
    holder  text primary key,
    held    integer     not null,
    seen_at timestamptz not null
);

-- Handlers that an operator paused for all tenants of the cluster. What is due for them waits.
create table dispatch.paused_handlers (
    handler   text primary key,
    paused_at timestamptz not null
);

-- The backlog that the last look saw, and until when retention has kept up with the tenant.
alter table dispatch.ledger
    add column backlog   bigint      not null default 0,
    add column pruned_at timestamptz not null default '-infinity';

grant select, insert, update, delete on dispatch.workers, dispatch.paused_handlers to {{app}};

drop function dispatch.sweep(uuid, integer);

-- Looks into at most p_limit schemas after p_after, in the order of their ids, and answers with those
-- that have work: unpublished messages, or deliveries that are due before long. It runs as the owner,
-- who may read every tenant's outbox. A tenant that cannot be looked into, because it has no tables yet,
-- or something is wrong with them or locks them, is passed over and does not count as visited: it must
-- not keep the others from their turn. More than a few hundred tenants in one transaction would overflow
-- the lock table.
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
            execute format('select m.seq, m.created_at from %I.outbox_messages m where m.status = ''unpublished''
                            order by m.seq limit 1', t.schema_name) into first_seq, oldest_unpublished_at;
            execute format('select d.next_attempt_at from %I.deliveries d
                            where d.status = ''retrying'' and d.handler <> all ($1)
                            order by d.next_attempt_at limit 1', t.schema_name) into due_at using paused;
            backlog := 0;
            if first_seq is not null then
                execute format('select m.seq - $1 + 1 from %I.outbox_messages m where m.status = ''unpublished''
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
