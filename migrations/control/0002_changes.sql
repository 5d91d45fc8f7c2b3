-- The transaction that changed a row last, so that a cache can ask for exactly what it has not seen:
-- the rows whose transaction was not visible in its last snapshot. A clock could not answer that,
-- since transactions become visible in another order than they began in.
alter table control.tenants add column changed_in xid8 not null default pg_current_xact_id();

create index tenants_changed_in on control.tenants (changed_in);
drop index control.tenants_updated_at;

-- Lists are in the order of slugs, within a status or not.
create index tenants_status on control.tenants (status, slug);

-- A trigger, so that also a change by hand is noticed and moves the version on.
create function control.note_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    new.changed_in := pg_current_xact_id();
    new.lock_version := greatest(new.lock_version, old.lock_version + 1);
    return new;
end
$$;

revoke execute on function control.note_change() from public;

create trigger note_change before update on control.tenants
    for each row execute function control.note_change();
