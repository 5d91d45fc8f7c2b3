-- Who may do what with River's tables. It runs as their owner after River's migrations, all of it in one
-- transaction, and may run again.
--
-- PUBLIC is who connects to this database: the two logins, and the tenants' roles that the application's
-- login takes on. So what is granted to PUBLIC here is granted to every tenant's role, also to those that
-- are made later, and no tenant's role has an entry of its own that would stand in the way of its removal.

-- Whose job it is. PostgreSQL writes the role in force. There is no right to insert or update this column,
-- so an SQL injection can name no other.
alter table jobs.river_job add column if not exists tenant_role text not null default current_user;

-- The id is always the sequence's, whatever was given: with ids of their choice tenants could take those of
-- others' next jobs, or ask which there are.
create or replace function jobs.give_id() returns trigger language plpgsql as $$
begin
    new.id := nextval('jobs.river_job_id_seq');
    return new;
end
$$;
drop trigger if exists give_id on jobs.river_job;
create trigger give_id before insert on jobs.river_job for each row execute function jobs.give_id();

grant usage on schema jobs to public;

-- River's own INSERT, column by column: a later River that writes more is refused, and somebody decides.
-- It ends with ON CONFLICT … DO UPDATE SET kind, which asks for that right and, without a policy for
-- updates, never changes a row. It returns the row, which asks for the right to read it.
grant insert (id, args, created_at, kind, max_attempts, metadata, priority, queue, scheduled_at, state, tags,
              unique_key, unique_states),
      select, update (kind) on jobs.river_job to public;
grant usage on sequence jobs.river_job_id_seq to public;
grant execute on function jobs.river_job_state_in_bitmask to public;

-- The application works the jobs of all tenants. Its login, that is: within a scope it is a tenant's role.
grant usage on schema jobs to {{app}};
grant select, insert, update, delete on all tables in schema jobs to {{app}};
grant usage on all sequences in schema jobs to {{app}};
grant execute on all functions in schema jobs to {{app}};

alter table jobs.river_job enable row level security;

drop policy if exists tenant_adds on jobs.river_job;
drop policy if exists tenant_reads on jobs.river_job;
drop policy if exists application_works on jobs.river_job;

-- What a tenant's role may add: its own job, which waits to be worked, in the tenants' queue. A unique key
-- would be unique among all tenants, and so tell of others' jobs and hold them off: the handler's inbox row
-- is what makes a job unique here.
--
-- River reads the jobs of all tenants in one batch, and a row that it cannot read ends the batch: times
-- that Go does not have, tags that are null or a matrix. What River merges into the metadata needs an
-- object there. The sizes keep one tenant's jobs from filling the worker's memory, and a job of last year
-- would be worked before all others.
create policy tenant_adds on jobs.river_job for insert to public with check (
    tenant_role = current_user
    and queue = 'tenants'
    and state in ('available', 'scheduled')
    and unique_key is null
    and created_at between clock_timestamp() - interval '1 day' and clock_timestamp() + interval '1 day'
    and scheduled_at between clock_timestamp() - interval '1 day' and clock_timestamp() + interval '10 years'
    and coalesce(array_ndims(tags), 1) = 1
    and array_position(tags, null) is null
    and cardinality(tags) <= 100
    and jsonb_typeof(args) = 'object'
    and jsonb_typeof(metadata) = 'object'
    and octet_length(args::text) <= 1048576
    and octet_length(metadata::text) <= 65536
);

create policy tenant_reads on jobs.river_job for select to public using (tenant_role = current_user);

create policy application_works on jobs.river_job to {{app}} using (true) with check (true);
