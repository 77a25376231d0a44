#!/bin/sh
# Sets Temporal's two databases up, or brings them to this server's version; the schemas are part of the tool.
# Again without harm: what is there already is left as it is.
set -eu
for part in temporal:temporal visibility:temporal_visibility; do
  temporal-sql-tool --db "${part#*:}" setup-schema --version 0.0
  temporal-sql-tool --db "${part#*:}" update-schema --schema-name "postgresql/v12/${part%:*}"
done
