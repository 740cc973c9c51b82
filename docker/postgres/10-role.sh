#!/bin/sh
# The role by which the proxy reaches the shop: it owns nothing; 20-shop.sql grants what it needs.
set -eu

psql --username="${POSTGRES_USER:-postgres}" --dbname="$POSTGRES_DB" --no-psqlrc --set=ON_ERROR_STOP=1 \
  --set=password="$(cat "${APP_PASSWORD_FILE:-/passwords/app/postgres}")" <<'SQL'
CREATE ROLE app LOGIN PASSWORD :'password';
SQL
