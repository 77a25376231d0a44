#!/bin/sh
# Sets Temporal's two databases up, or brings them to this server's version; the schemas are part of the tool.
set -eu
for part in temporal visibility; do
  case $part in temporal) database=temporal ;; visibility) database=temporal_visibility ;; esac
  # The first step fails where the tables are there already.
  temporal-sql-tool --db "$database" setup-schema --version 0.0 || true
  temporal-sql-tool --db "$database" update-schema --schema-name "postgresql/v12/$part"
done
