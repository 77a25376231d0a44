import { fileURLToPath } from 'node:url';
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import type { Vault } from '../platform/vault.ts';

type ProtoPayload = temporal.api.common.v1.IPayload;

const encoding = 'binary/patchbay';
const text = (bytes: string): Uint8Array => Buffer.from(bytes);

/** Seals every payload that goes to Temporal, so that its database and UI hold nothing readable. */
export function createCodec(vault: Vault): PayloadCodec {
  return {
    encode: async (payloads) => payloads.map((payload) => encodePayload(vault, payload)),
    decode: async (payloads) => payloads.map((payload) => decodePayload(vault, payload)),
  };
}

/** Payload and failure conversion for clients, workers and replay; failures travel sealed too. */
export function createDataConverter(vault: Vault): DataConverter {
  return {
    payloadCodecs: [createCodec(vault)],
    failureConverterPath: fileURLToPath(new URL('./failure-converter.cjs', import.meta.url)),
  };
}

/** One payload opened; payloads that are not ours are returned as they are. */
export function decodePayload(vault: Vault, payload: ProtoPayload): Payload {
  if (Buffer.from(payload.metadata?.['encoding'] ?? '').toString() !== encoding) return payload;
  const inner = JSON.parse(Buffer.from(vault.openBytes(payload.data ?? new Uint8Array())).toString()) as {
    metadata: Record<string, string>;
    data: string;
  };
  return {
    metadata: Object.fromEntries(
      Object.entries(inner.metadata).map(([key, value]) => [key, Buffer.from(value, 'base64')]),
    ),
    data: Buffer.from(inner.data, 'base64'),
  };
}

function encodePayload(vault: Vault, payload: ProtoPayload): Payload {
  const inner = {
    metadata: Object.fromEntries(
      Object.entries(payload.metadata ?? {}).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
    data: Buffer.from(payload.data ?? []).toString('base64'),
  };
  return { metadata: { encoding: text(encoding) }, data: vault.sealBytes(text(JSON.stringify(inner))) };
}
