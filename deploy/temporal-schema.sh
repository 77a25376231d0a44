#!/bin/sh
# Creates the schemas of Temporal's two databases, or upgrades them to this version of the tool, which contains them.
# It may run again: an up-to-date schema is left unchanged.
set -eu
for part in temporal:temporal visibility:temporal_visibility; do
  temporal-sql-tool --db "${part#*:}" setup-schema --version 0.0
  temporal-sql-tool --db "${part#*:}" update-schema --schema-name "postgresql/v12/${part%:*}"
done
