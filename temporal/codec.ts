import { fileURLToPath } from 'node:url';
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import type { Keyset } from '../platform/keyset.ts';

type ProtoPayload = temporal.api.common.v1.IPayload;

const encoding = 'binary/patchbay';
const text = (bytes: string): Uint8Array => Buffer.from(bytes);

/** Seals every payload with the installation's data key: Temporal's database and UI hold nothing readable. */
export function createCodec(keysOfInstallation: () => Promise<Keyset>): PayloadCodec {
  const mapped =
    (one: (keys: Keyset, payload: Payload) => Payload) =>
    async (payloads: Payload[]): Promise<Payload[]> => {
      const keys = await keysOfInstallation();
      return payloads.map((payload) => one(keys, payload));
    };
  return { encode: mapped(encodePayload), decode: mapped(decodePayload) };
}

export const failureConverterPath = fileURLToPath(new URL('./failure-converter.cjs', import.meta.url));

/** For clients, workers and replay; failures are sealed too. */
export function createDataConverter(keysOfInstallation: () => Promise<Keyset>): DataConverter {
  return {
    payloadCodecs: [createCodec(keysOfInstallation)],
    failureConverterPath,
  };
}

/** Returns payloads of other codecs as they are. */
export function decodePayload(keys: Keyset, payload: ProtoPayload): Payload {
  if (Buffer.from(payload.metadata?.['encoding'] ?? '').toString() !== encoding) return payload;
  const inner = JSON.parse(Buffer.from(keys.openBytes(payload.data ?? new Uint8Array())).toString()) as {
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

function encodePayload(keys: Keyset, payload: ProtoPayload): Payload {
  const inner = {
    metadata: Object.fromEntries(
      Object.entries(payload.metadata ?? {}).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
    data: Buffer.from(payload.data ?? []).toString('base64'),
  };
  return { metadata: { encoding: text(encoding) }, data: keys.sealBytes(text(JSON.stringify(inner))) };
}
