-- What holds back vacuum in this database: transactions, prepared transactions, and replicas or slots
-- that lag. None of what they keep alive can be cleaned up, in no tenant's tables, and the queues of all
-- tenants get slower. It runs as the owner, who sees since when another login's transaction lasts if he
-- has the rights of pg_read_all_stats; else that is null. It never tells what a session was asked.
create function dispatch.pinned()
returns table (kind text, pid integer, name text, login text, application text, state text,
               seconds double precision, held text, transactions bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select case a.backend_type when 'walsender' then 'replica' else 'session' end,
           a.pid, '', coalesce(a.usename::text, ''), coalesce(a.application_name, ''), coalesce(a.state, ''),
           extract(epoch from clock_timestamp() - a.xact_start)::double precision,
           coalesce(a.xact_start::text, a.backend_xid::text, a.backend_xmin::text),
           greatest(age(a.backend_xid), age(a.backend_xmin))::bigint
    from pg_stat_activity a
    where coalesce(a.backend_xid, a.backend_xmin) is not null
      and (a.datname = current_database() or a.datid is null)
      and a.pid <> pg_backend_pid() and a.leader_pid is null
      -- A vacuum does not hold back another one.
      and a.backend_type is distinct from 'autovacuum worker'
      and not exists (select from pg_stat_progress_vacuum v where v.pid = a.pid)
    union all
    select 'prepared transaction', null, p.gid, p.owner::text, '', '',
           extract(epoch from clock_timestamp() - p.prepared)::double precision,
           p.transaction::text, age(p.transaction)::bigint
    from pg_prepared_xacts p where p.database = current_database()
    union all
    select 'replication slot', s.active_pid, s.slot_name::text, '', '', case when s.active then 'active' else 'inactive' end,
           null, coalesce(s.xmin, s.catalog_xmin)::text, greatest(age(s.xmin), age(s.catalog_xmin))::bigint
    from pg_replication_slots s
    where coalesce(s.xmin, s.catalog_xmin) is not null
      and (s.database is null or s.database = current_database())
    order by 9 desc limit 100
$$;

revoke execute on function dispatch.pinned() from public;
grant execute on function dispatch.pinned() to {{app}};
