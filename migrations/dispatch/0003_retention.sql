-- Retention asks for the tenants that it has looked after least lately. The index costs the renewals and
-- sweeps nothing: they do not change the column, so their rows stay on their pages.
create index ledger_pruned on dispatch.ledger (pruned_at);

-- Runs one deletion, which counts what it looked at and what it deleted. What cannot be deleted from,
-- because it is locked, or the tenant does not have it yet, is passed over. It runs any statement, so it
-- is for the owner's functions alone.
create function dispatch.delete_old(p_statement text, p_keep interval, p_limit integer,
                                    out gone bigint, out more boolean, out passed boolean)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    looked bigint;
begin
    gone := 0;
    more := false;
    passed := false;
    if p_keep is null then
        return;
    end if;
    execute p_statement into looked, gone using now() - p_keep, p_limit;
    more := looked = p_limit and gone > 0;
exception when others then
    gone := 0;
    more := false;
    passed := true;
end
$$;

-- Deletes what is older than it is to be kept, of some tenants and at most p_limit rows of each table,
-- the oldest first. A null keeps for ever. Events are never deleted. Nothing here waits for long, and
-- nobody who publishes waits for it: the rows are of no further use to the workers. When it has taken
-- long it leaves the rest of the tenants for the next time, and says of them that there is more.
--
-- Of messages only the published ones go, by the age of their event, so that what the audit knows to be
-- pruned has one border. One that was published late, when its event was more than a minute old, is kept
-- for as long after that: it is the one that somebody asks about. Those that are kept do not count towards
-- the limit, or many of them would stand before all that can go.
--
-- Of the inbox goes what is of no use any more: an event that is not unpublished is handed to those
-- handlers alone that have a delivery of it. The ids of events are UUIDv7, so the primary key is in the
-- order of time, and what is before the border is found without an index of its own. An id that was made
-- otherwise may lie on the wrong side: then its row stays for ever, or is looked at and kept for its
-- own time.
--
-- To compile the statements takes ten times as long as to run them, so they are not.
create function dispatch.prune(p_tenants uuid[], p_limit integer, p_messages interval, p_inbox interval, p_attempts interval)
returns table (tenant_id uuid, messages bigint, inbox bigint, attempts bigint, more boolean, passed integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '200ms' set jit = off as $$
declare
    t record;
    m record;
    i record;
    a record;
begin
    for t in
        select d.tenant_id, d.schema_name from dispatch.tenants d
        where d.tenant_id = any (p_tenants) order by d.tenant_id
    loop
        tenant_id := t.tenant_id;
        if clock_timestamp() > statement_timestamp() + interval '300 milliseconds' then
            messages := 0;
            inbox := 0;
            attempts := 0;
            more := true;
            passed := 0;
            return next;
            continue;
        end if;
        m := dispatch.delete_old(format(
            'with old as materialized (
                 select m.ctid from %1$I.outbox_messages m
                 where m.status = ''published'' and m.created_at < $1
                   and (coalesce(m.published_at, m.created_at) < $1
                        or m.published_at < m.created_at + interval ''1 minute'')
                   and (select true from %1$I.deliveries d where d.seq = m.seq limit 1) is null
                 order by m.created_at, m.seq limit $2
             ), gone as (
                 delete from %1$I.outbox_messages m
                 where m.ctid = any (array(select ctid from old)) and m.status = ''published''
                   and (coalesce(m.published_at, m.created_at) < $1
                        or m.published_at < m.created_at + interval ''1 minute'')
                   and not exists (select from %1$I.deliveries d where d.seq = m.seq)
                 returning 1
             )
             select (select count(*) from old), (select count(*) from gone)', t.schema_name), p_messages, p_limit);
        i := dispatch.delete_old(format(
            'with old as materialized (
                 select i.ctid from %1$I.inbox i
                 where i.event_id < (lpad(to_hex(floor(extract(epoch from $1) * 1000)::bigint), 12, ''0'') || repeat(''0'', 20))::uuid
                   and i.applied_at < $1
                   and (select true from %1$I.events e
                        where e.id = i.event_id
                          and ((select true from %1$I.outbox_messages m
                                where m.seq = e.seq and m.status = ''unpublished'' limit 1)
                               or (select true from %1$I.deliveries d
                                   where d.seq = e.seq and d.handler = i.handler limit 1)) limit 1) is null
                 order by i.event_id, i.handler limit $2
             ), gone as (
                 delete from %1$I.inbox i where i.ctid = any (array(select ctid from old)) returning 1
             )
             select (select count(*) from old), (select count(*) from gone)', t.schema_name), p_inbox, p_limit);
        a := dispatch.delete_old(format(
            'with old as materialized (
                 select a.ctid from %1$I.delivery_attempts a where a.started_at < $1 order by a.started_at limit $2
             ), gone as (
                 delete from %1$I.delivery_attempts a where a.ctid = any (array(select ctid from old)) returning 1
             )
             select (select count(*) from old), (select count(*) from gone)', t.schema_name), p_attempts, p_limit);
        messages := m.gone;
        inbox := i.gone;
        attempts := a.gone;
        more := m.more or i.more or a.more;
        passed := m.passed::integer + i.passed::integer + a.passed::integer;
        return next;
    end loop;
end
$$;

revoke execute on function dispatch.delete_old(text, interval, integer) from public;
revoke execute on function dispatch.prune(uuid[], integer, interval, interval, interval) from public;
grant execute on function dispatch.prune(uuid[], integer, interval, interval, interval) to {{app}};
