-- Creates logins, group roles and databases of a deployment. Run it with psql as PostgreSQL's superuser; it may run again.
-- Passwords come from the environment: PATCHBAY_OWNER_PASSWORD, PATCHBAY_RUNTIME_PASSWORD, PATCHBAY_READER_PASSWORD,
-- TEMPORAL_PASSWORD.
\getenv owner_password PATCHBAY_OWNER_PASSWORD
\getenv runtime_password PATCHBAY_RUNTIME_PASSWORD
\getenv reader_password PATCHBAY_READER_PASSWORD
\getenv temporal_password TEMPORAL_PASSWORD

-- Log no statement of this session: some hold a password.
set log_statement = 'none';
set log_min_duration_statement = -1;
set log_min_error_statement = 'panic';
-- Do not print "already a member".
set client_min_messages = 'warning';

-- db/migrations grants each role its rights. Group roles have no login.
select format('create role %I nologin', name) from unnest(array['patchbay_app', 'patchbay_system', 'patchbay_operator']) name
where not exists (select from pg_roles where rolname = name) \gexec
-- owner: migrations. runtime: api and worker; each transaction takes one of the two group roles, the login itself has no
-- rights. reader: operators' SQL. temporal: Temporal's databases.
select format('create role %I login', name) from unnest(array['patchbay_owner', 'patchbay_runtime', 'patchbay_reader', 'temporal']) name
where not exists (select from pg_roles where rolname = name) \gexec
alter role patchbay_owner inherit password :'owner_password';
alter role patchbay_runtime noinherit password :'runtime_password';
alter role patchbay_reader inherit password :'reader_password';
alter role temporal inherit password :'temporal_password';

-- The owner is a member: it makes policies for these roles and grants to them.
grant patchbay_app, patchbay_system, patchbay_operator to patchbay_owner;
grant patchbay_app, patchbay_system to patchbay_runtime;
grant patchbay_operator to patchbay_reader;

select format('create database %I owner %I', name, owner)
from (values ('patchbay', 'patchbay_owner'), ('temporal', 'temporal'), ('temporal_visibility', 'temporal')) wanted (name, owner)
where not exists (select from pg_database where datname = name) \gexec

-- Patchbay's logins may not connect to Temporal's databases, nor Temporal's login to Patchbay's.
revoke connect, temporary on database patchbay, temporal, temporal_visibility from public;
grant connect on database patchbay to patchbay_runtime, patchbay_reader;

-- Every login could make large objects otherwise, also the operators', which only reads.
\connect patchbay
revoke execute on function lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) from public;
