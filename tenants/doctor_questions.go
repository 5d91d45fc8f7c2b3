package tenants

// question is one thing to look at. Its query returns a text for each thing that is wrong.
type question struct {
	name, sql string
	good, bad string
	advice    string
}

const (
	reachable    = "connection"
	bootstrapTip = "as a superuser, run in this database what `tenantry doctor --bootstrap-sql` prints"
)

// questions are asked in this order. All can be answered by the application's login, from catalogs
// that everybody may read.
func questions() []question {
	return append(loginQuestions(), append(tenantQuestions(), functionQuestions()...)...)
}

func loginQuestions() []question {
	return []question{{
		name: reachable, good: "answers", bad: "does not answer", sql: "select 'x' where false",
		advice: "check the cluster's URL and that the server runs",
	}, {
		name: "version", good: "14 or newer", bad: "too old",
		sql:    "select current_setting('server_version') where current_setting('server_version_num')::int < 140000",
		advice: "upgrade PostgreSQL to 14 or newer",
	}, {
		name: "login", good: "the application's login has no powers of its own", bad: "the application's login has",
		sql: `select p from pg_roles r, lateral (values
				(rolsuper, 'SUPERUSER'), (rolcreaterole, 'CREATEROLE'), (rolcreatedb, 'CREATEDB'),
				(rolinherit, 'INHERIT'), (rolreplication, 'REPLICATION'), (rolbypassrls, 'BYPASSRLS')) v (has, p)
			where r.rolname = session_user and v.has`,
		advice: "ALTER ROLE … NOSUPERUSER NOCREATEROLE NOCREATEDB NOINHERIT NOREPLICATION NOBYPASSRLS",
	}, {
		name: "ownership", good: "the application's login owns nothing", bad: "the application's login owns",
		sql: `select 'schema ' || nspname from pg_namespace where pg_get_userbyid(nspowner) = session_user
			union all select 'table ' || oid::regclass from pg_class
				where pg_get_userbyid(relowner) = session_user and relpersistence <> 't'
			union all select 'database ' || datname from pg_database
				where datname = current_database() and pg_get_userbyid(datdba) = session_user`,
		advice: "use another login as the owner (TENANTRY_OWNER_DATABASE_URL); REASSIGN OWNED moves what exists",
	}, {
		name: "creation", good: "only the owner creates schemas and temporary tables", bad: "others too may",
		sql: `select r || ' ' || p from unnest(array[session_user::text, 'public']) r, unnest(array['CREATE', 'TEMPORARY']) p
			where has_database_privilege(r, current_database(), p)
			union all select 'PUBLIC: CREATE in schema public' where has_schema_privilege('public', 'public', 'CREATE')`,
		advice: bootstrapTip,
	}}
}

func tenantQuestions() []question {
	return []question{{
		name: "tenant roles", good: "no tenant's role can log in, or has powers or other roles", bad: "these can",
		sql: `select r.rolname from dispatch.tenants t join pg_roles r on r.rolname = t.role_name
			where r.rolcanlogin or r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolbypassrls
				or exists (select from pg_auth_members m where m.member = r.oid)`,
		advice: "ALTER ROLE … NOLOGIN and without attributes; REVOKE what it is a member of",
	}, {
		name: "tenant members", good: "only the application may take on a tenant's role", bad: "these may too",
		sql: `select distinct m.member::regrole::text || ' takes ' || t.role_name
			from dispatch.tenants t join pg_roles r on r.rolname = t.role_name join pg_auth_members m on m.roleid = r.oid
			join pg_roles o on o.oid = m.member join pg_namespace n on n.nspname = t.schema_name
			where o.rolname <> session_user and m.member <> n.nspowner`,
		advice: "REVOKE the tenant's role from it",
	}, {
		name: "missing roles", good: "every tenant has its role and schema", bad: "these are missing",
		sql: `select t.slug from dispatch.tenants t
			where not exists (select from pg_roles where rolname = t.role_name)
				or not exists (select from pg_namespace where nspname = t.schema_name)`,
		advice: "run `tenantry migrate up --tenant SLUG`",
	}, {
		name: "tenant schemas", good: "each tenant's schema is open to its own role alone", bad: "these are open to others",
		sql: `select distinct t.slug || ' to ' || case a.grantee when 0 then 'PUBLIC' else pg_get_userbyid(a.grantee)::text end
			from dispatch.tenants t join pg_namespace n on n.nspname = t.schema_name, lateral aclexplode(n.nspacl) a
			where a.grantee <> n.nspowner and (a.grantee = 0 or pg_get_userbyid(a.grantee) <> t.role_name or a.privilege_type <> 'USAGE')`,
		advice: "REVOKE ALL ON SCHEMA … from it",
	}, {
		name: "audit trail", good: "no tenant's role may change its events", bad: "these may",
		sql: `select t.slug from dispatch.tenants t join pg_roles r on r.rolname = t.role_name
			join pg_namespace n on n.nspname = t.schema_name join pg_class c on c.relnamespace = n.oid and c.relname = 'events'
			where has_table_privilege(r.oid, c.oid, 'UPDATE, DELETE, TRUNCATE') or has_any_column_privilege(r.oid, c.oid, 'UPDATE')`,
		advice: "REVOKE UPDATE, DELETE, TRUNCATE ON events from the tenant's role",
	}}
}

// functionQuestions are about what PUBLIC, and so every tenant's role, may call.
func functionQuestions() []question {
	return []question{
		functions("set_config", "set_config", "changes the role inside an expression, and so reaches every tenant"),
		{
			name: "pg_settings", good: "cannot be updated", bad: "can be updated",
			sql:    "select 'UPDATE' where has_table_privilege('public', 'pg_catalog.pg_settings', 'UPDATE')",
			advice: "an update of it changes the role inside a statement; " + bootstrapTip,
		},
		functions("query_to_xml", "(query|table|schema|database)_to_xml(schema|_and_xmlschema)?|cursor_to_xml(schema)?",
			"runs a text as a query"),
		functions("large objects", "lo_.*|loread|lowrite", "keeps data outside of all schemas"),
		functions("advisory locks", "pg_(try_)?advisory_.*lock(_shared)?(_all)?", "holds up other tenants and migrations"),
		functions("notifications", "pg_notify", "reaches every listener of the database"),
		functions("sessions", "pg_(cancel|terminate)_backend", "ends sessions"),
		{
			name: "languages", good: "only the owner writes functions", bad: "everybody may write in",
			sql:    "select lanname from pg_language where lanpltrusted and has_language_privilege('public', oid, 'USAGE')",
			advice: "a DO block runs SET ROLE; " + bootstrapTip,
		},
	}
}

// functions asks which functions of a pattern everybody may call.
func functions(name, pattern, harm string) question {
	return question{
		name: name, good: "not for everybody", bad: "everybody may call",
		sql: `select distinct proname::text from pg_proc where pronamespace = 'pg_catalog'::regnamespace
			and proname ~ '^(` + pattern + `)$' and has_function_privilege('public', oid, 'EXECUTE')`,
		advice: "it " + harm + "; " + bootstrapTip,
	}
}
