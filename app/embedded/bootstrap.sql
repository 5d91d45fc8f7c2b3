-- What a superuser runs once in each database that Tenantry is to use: the logins, the ownership,
-- and the fences that PostgreSQL itself keeps between the tenants. For PostgreSQL 14 to 18. It may
-- be run again at any time, in psql or any other client. It sets no passwords: do that with
-- ALTER ROLE tenantry_owner PASSWORD '…' and ALTER ROLE tenantry_app PASSWORD '…'.
--
-- The attacker that the fences are made for has an SQL injection inside one tenant's role: the
-- session's user is tenantry_app, which is a member of every tenant's role, and SET LOCAL ROLE made
-- the tenant's role the current one. So whatever PUBLIC may do, he may do.

-- The logins. The owner makes tenants (roles and schemas) and migrates them; the application only
-- ever acts through a tenant's role or through named grants, so it inherits nothing.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tenantry_owner') THEN
    CREATE ROLE tenantry_owner;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tenantry_app') THEN
    CREATE ROLE tenantry_app;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tenantry_owner' AND rolcanlogin AND rolcreaterole
      AND NOT (rolsuper OR rolcreatedb OR rolreplication OR rolbypassrls)) THEN
    ALTER ROLE tenantry_owner LOGIN CREATEROLE NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tenantry_app' AND rolcanlogin
      AND NOT (rolinherit OR rolcreaterole OR rolsuper OR rolcreatedb OR rolreplication OR rolbypassrls)) THEN
    ALTER ROLE tenantry_app LOGIN NOINHERIT NOCREATEROLE NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS;
  END IF;
END
$$;

-- How long the transactions of other logins last, so that a worker and the doctor can name the one that
-- holds back vacuum for all tenants. The owner's function dispatch.pinned tells them, and no statement.
GRANT pg_read_all_stats TO tenantry_owner;

-- The database. Nobody but the two logins connects. Nobody gets TEMPORARY: a temporary table shadows
-- a real one, and a temporary function is a place for code that runs later under another role.
DO $$
DECLARE
  db text := pg_catalog.current_database();
BEGIN
  EXECUTE pg_catalog.format('ALTER DATABASE %I OWNER TO tenantry_owner', db);
  EXECUTE pg_catalog.format('REVOKE ALL ON DATABASE %I FROM PUBLIC', db);
  EXECUTE pg_catalog.format('REVOKE ALL ON DATABASE %I FROM tenantry_owner, tenantry_app', db);
  EXECUTE pg_catalog.format('GRANT CONNECT, CREATE ON DATABASE %I TO tenantry_owner', db);
  EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO tenantry_app', db);
END
$$;

-- The schema public is the one place that all tenants' roles would share.
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- A new function can be called by PUBLIC, also one that runs with its owner's rights. Functions of
-- the owner are called by whom he names.
ALTER DEFAULT PRIVILEGES FOR ROLE tenantry_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- A DO block and a new function are where one statement becomes any number of statements, SET ROLE
-- among them. Only the owner writes functions; calling them needs no right to the language.
REVOKE USAGE ON LANGUAGE plpgsql, sql FROM PUBLIC;
GRANT USAGE ON LANGUAGE plpgsql, sql TO tenantry_owner;

-- UPDATE on this view is rewritten to set_config, so it changes the role from within a statement.
REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON pg_catalog.pg_settings FROM PUBLIC;
-- Statements that others prepared, and cursors that others left open, on the shared session.
REVOKE ALL ON pg_catalog.pg_prepared_statements, pg_catalog.pg_cursors FROM PUBLIC;
-- Owners and contents of large objects have no schema, so every tenant sees all of them.
REVOKE ALL ON pg_catalog.pg_largeobject_metadata FROM PUBLIC;

-- Built-in functions that PUBLIC may call and that reach beyond one tenant. Every overload of a name
-- that matches is taken from PUBLIC, also those that a later PostgreSQL adds, and given to whom the
-- second column names.
DO $$
DECLARE
  fence  record;
  f      record;
  keeper text;
BEGIN
  FOR fence IN
    SELECT pattern, keepers::text[] AS keepers FROM (VALUES
      -- set_config('role', …) inside an expression makes another tenant's role the current one, and
      -- set_config('search_path', …) another tenant's schema. pg_dump needs it, so the logins keep it.
      ('set_config', '{tenantry_owner,tenantry_app}'),

      -- These run a string as a query, so an injected expression becomes an injected statement; it has
      -- the current role's rights only, but it is the tool with which other gaps are used.
      ('(query|table|schema|database)_to_xml(schema|_and_xmlschema)?', '{}'),
      ('cursor_to_xml(schema)?', '{}'),
      ('ts_stat', '{}'),
      ('ts_rewrite', '{}'),

      -- Large objects lie outside all schemas: a place to leave data for another tenant, or to fill
      -- the disk with rows that belong to nobody.
      ('lo_.*|loread|lowrite', '{}'),

      -- A notification reaches every listener of the database, all commits that notify wait for one
      -- lock, and its queue is shared: full, it fails everybody's commit. The application may outside of
      -- a scope, where job queues do.
      ('pg_notify', '{tenantry_owner,tenantry_app}'),

      -- Advisory locks have no owner and their numbers can be guessed: taking the lock of another
      -- tenant stops his migrations, and a session's lock outlives the transaction on a shared
      -- connection. The application takes those of the transaction, before it sets the role.
      ('pg_(try_)?advisory_xact_lock(_shared)?', '{tenantry_owner,tenantry_app}'),
      ('pg_(try_)?advisory_(lock|unlock)(_shared|_all)?', '{tenantry_owner}'),

      -- PostgreSQL lets a role cancel and end only sessions of a role whose rights it has, which a
      -- tenant's role is not; this holds also after a grant too many.
      ('pg_(cancel|terminate)_backend', '{tenantry_owner,tenantry_app,pg_signal_backend}'),

      -- What runs now and how much was read and written, per session and per table: how busy each of
      -- the others is, the texts of the shared login's other sessions after a grant too many.
      ('pg_stat_get_.*', '{tenantry_owner,tenantry_app,pg_monitor}'),
      ('pg_lock_status|pg_blocking_pids|pg_safe_snapshot_blocking_pids|pg_isolation_test_session_is_blocked',
        '{tenantry_owner,tenantry_app,pg_monitor}'),
      ('pg_prepared_(statement|xact)|pg_cursor', '{tenantry_owner,tenantry_app}'),

      -- The seed outlives the transaction on a shared connection: the next tenant's random() would be
      -- known beforehand.
      ('setseed', '{tenantry_owner,tenantry_app}'),

      -- Writes into the log of changes that replicas and subscribers read, without limit.
      ('pg_logical_emit_message', '{}'),

      -- A snapshot is a file on the server until the transaction ends, and lets others look into it.
      ('pg_export_snapshot', '{tenantry_owner,tenantry_app}')
    ) AS fences (pattern, keepers)
  LOOP
    FOR f IN
      SELECT p.oid, pg_catalog.format('pg_catalog.%I(%s)', p.proname,
          (SELECT pg_catalog.string_agg(pg_catalog.format_type(t.type, NULL), ', ' ORDER BY t.position)
             FROM pg_catalog.unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t (type, position))) AS name
        FROM pg_catalog.pg_proc AS p
       WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
         AND p.proname ~ ('^(' || fence.pattern || ')$')
    LOOP
      -- Only what is not so already, so that running this again writes nothing.
      IF pg_catalog.has_function_privilege('public', f.oid, 'EXECUTE') THEN
        EXECUTE 'REVOKE EXECUTE ON FUNCTION ' || f.name || ' FROM PUBLIC';
      END IF;
      FOREACH keeper IN ARRAY fence.keepers LOOP
        IF NOT pg_catalog.has_function_privilege(keeper, f.oid, 'EXECUTE') THEN
          EXECUTE 'GRANT EXECUTE ON FUNCTION ' || f.name || ' TO ' || keeper;
        END IF;
      END LOOP;
    END LOOP;
  END LOOP;
END
$$;

-- What stays open, because PostgreSQL's catalogs are readable by everybody: the names of the other
-- tenants' schemas and roles (derived from random ids, so they name nobody) and the estimated size of
-- their tables. And a SET ROLE statement, which checks the session's user: no input may ever reach
-- the place of a statement.
