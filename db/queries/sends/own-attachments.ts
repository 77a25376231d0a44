import type { AttachmentKind } from '../../../domain/message-capabilities.ts';
import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';
import { ownPrefix } from '../../../domain/own-keys.ts';

/** The key of the nth attachment of a message that was written here. */
export const ownAttachmentKey = (n: number): string => ownPrefix + n;

/** Whether an attachment, by its alias, is of a message that was written here. What a provider tells of such files repeats them. */
export const isOwnAttachment = (alias: string): Sql => sql`starts_with(${sql.ref(`${alias}.key`)}, ${ownPrefix})`;

/** A file of an outgoing message, with the name of its bytes in the store. */
export interface OutgoingFile {
  kind: AttachmentKind;
  mimeType: string | null;
  fileName: string | null;
  isVoice: boolean;
  hash: string;
  /** Bytes. */
  size: number;
}

/** The files that a message is to be sent with, in their order. */
export const outgoingFiles = (em: Em, messageId: string): Promise<OutgoingFile[]> =>
  rows<OutgoingFile>(
    em,
    sql`select a.kind, a.mime_type as "mimeType", a.file_name as "fileName", a.is_voice as "isVoice", m.hash,
          m.size::float8 as size
        from attachments a join media m on m.id = a.media_id
        where a.message_id = ${messageId} and ${isOwnAttachment('a')} order by a.id`,
  );
