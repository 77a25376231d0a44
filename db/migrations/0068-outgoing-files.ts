import { Migration } from '@mikro-orm/migrations';

/** The files of outgoing messages are attachments of the message, as those of all others are. */
export class OutgoingFiles extends Migration {
  override up(): void {
    this.addSql('alter table message_sends drop column attachments;');
  }
}
