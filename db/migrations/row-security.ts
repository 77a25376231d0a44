/** As a sub-select it is evaluated once per statement, not once per row. */
const current = "(select nullif(current_setting('patchbay.tenant', true), '')::uuid)";

/** SQL that forces row-level security on a table with a `tenant_id`. */
export const rowSecurity = (table: string): string => `
alter table ${table} enable row level security;
alter table ${table} force row level security;
create policy tenant on ${table} to patchbay_app using (tenant_id = ${current}) with check (tenant_id = ${current});
create policy system on ${table} to patchbay_system using (true) with check (true);
create policy operator on ${table} for select to patchbay_operator using (true);
grant select, insert, update, delete on ${table} to patchbay_app, patchbay_system;
grant select on ${table} to patchbay_operator;`;

/** SQL that lets every tenant read the installation's rows of a table. */
export const installationRows = (table: string): string => `
create policy installation on ${table} for select to patchbay_app
  using (tenant_id is null and ${current} is not null);`;
