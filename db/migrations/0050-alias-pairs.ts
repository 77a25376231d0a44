import { Migration } from '@mikro-orm/migrations';

/** Which LID the provider told for a number, so that a later entry that contradicts it parts the two. */
export class AliasPairs extends Migration {
  override up(): void {
    this.addSql('alter table contact_aliases add column pair text;');
    this.addSql(backfill);
    this.addSql(cascade);
  }
}

/** A contact with one number and one LID of its own was told to have both. */
const backfill = `
with pairs as (
  select account_id, contact_id, min(value) filter (where kind = 'jid') as jid,
    min(value) filter (where kind = 'lid') as lid
  from contact_aliases group by account_id, contact_id
  having count(*) filter (where kind = 'jid') = 1 and count(*) filter (where kind = 'lid') = 1)
update contact_aliases a set pair = case a.kind when 'jid' then p.lid else p.jid end
from pairs p where p.account_id = a.account_id and p.contact_id = a.contact_id and a.kind in ('jid', 'lid');
`;

/** A pair names a person: it goes with the alias that it names. */
const cascade = `
create or replace function delete_contact_aliases() returns trigger language plpgsql as $$
begin
  update contact_aliases p set pair = null
  from gone join contact_aliases a on a.contact_id = gone.id
  where p.account_id = a.account_id and p.kind in ('jid', 'lid') and p.value = a.pair and p.contact_id <> a.contact_id;
  delete from contact_aliases a using gone where a.contact_id = gone.id;
  return null;
end $$;
`;
