import type { Readable } from 'node:stream';

/** Names some bytes: their tenant, and their SHA-256 in lower-case hexadecimal. */
export interface BlobName {
  tenantId: string;
  hash: string;
}

/** Bytes that have arrived and have no name yet. Exactly one of the two is called. */
interface ReceivedBlob {
  hash: string;
  /** Bytes. */
  size: number;
  /** Gives them their name. Bytes that are there under it already are the same, and are replaced in one step. */
  keep(name: BlobName): Promise<void>;
  /** Removes them. */
  discard(): Promise<void>;
}

/** The first and the last byte, both included. */
export interface ByteRange {
  start: number;
  end: number;
}

/** Bytes that are read when they are needed, from the beginning each time, until it is closed. */
export interface OpenedFile {
  bytes: Blob;
  close(): Promise<void>;
}

/** A place for bytes. Nothing is ever held in memory as a whole, and no reader sees a part of what is being written. */
export interface BlobStore {
  /** Takes bytes to their end. Throws `BlobTooLargeError` beyond `mostBytes`, else what `body` fails with; nothing is left then. */
  receive(body: Readable, mostBytes: number): Promise<ReceivedBlob>;
  /** Throws `BlobMissingError`. The reader ends or destroys the stream. */
  open(name: BlobName, range?: ByteRange): Promise<Readable>;
  /** The bytes as a file of a media type. Throws `BlobMissingError`. The caller closes it. */
  asFile(name: BlobName, type: string): Promise<OpenedFile>;
  /** Removes the bytes; nothing happens where there are none. */
  remove(name: BlobName): Promise<void>;
  /** Names whose hash begins with these two digits, and whose bytes were written before `before`; in batches. */
  list(digits: string, before: Date): AsyncIterable<BlobName[]>;
  /** Removes bytes without a name that a process left when it died, where they arrived before `before`. Answers how many. */
  removeUnnamed(before: Date): Promise<number>;
}

/** More bytes came than may be kept. */
export class BlobTooLargeError extends Error {
  /** Bytes. */
  readonly most: number;

  constructor(most: number) {
    super(`The file is larger than ${most} bytes.`);
    this.name = 'BlobTooLargeError';
    this.most = most;
  }
}

/** The store has no bytes of that name. */
export class BlobMissingError extends Error {
  constructor() {
    super('The bytes are not in the store.');
    this.name = 'BlobMissingError';
  }
}
