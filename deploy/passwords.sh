#!/usr/bin/env bash
# Gives the two logins that bootstrap.sql has made their passwords. It is part of the first start of
# the PostgreSQL image, which sets POSTGRES_USER and POSTGRES_DB.
set -euo pipefail

psql --set=ON_ERROR_STOP=1 --no-psqlrc --quiet --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
ALTER ROLE tenantry_owner LOGIN PASSWORD :'owner_password';
ALTER ROLE tenantry_app LOGIN PASSWORD :'app_password';
SQL
