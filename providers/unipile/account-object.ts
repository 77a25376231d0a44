import { z } from 'zod';

/** A text, a number as its digits, or null for anything else and for nothing. */
const text = z
  .union([z.string().min(1), z.number().transform(String)])
  .nullable()
  .catch(null);
const upper = text.transform((value) => value?.toUpperCase() ?? null);
const params = z.record(z.string(), z.unknown()).catch({});

const source = z.object({ id: text, status: upper }).catch({ id: null, status: null });
const shape = z.object({
  object: text,
  id: text,
  type: upper,
  name: text,
  created_at: text,
  groups: z.array(z.unknown()).catch([]),
  sources: z.array(source).catch([]),
  connection_params: z.object({ im: params, mail: params }).catch({ im: {}, mail: {} }),
});

/** An account of UniPile with every part in its place: what is missing or of another kind is null or empty. */
export type UnipileAccount = z.infer<typeof shape>;

const nothing: UnipileAccount = {
  object: null,
  id: null,
  type: null,
  name: null,
  created_at: null,
  groups: [],
  sources: [],
  connection_params: { im: {}, mail: {} },
};

/** Reads whatever stands for an account; never throws. Words of types and states come out in capitals. */
export const readAccount = (body: unknown): UnipileAccount => shape.safeParse(body).data ?? nothing;

/** When UniPile made it, in milliseconds since the epoch, or null. */
export function madeAt({ created_at: made }: UnipileAccount): number | null {
  const at = Date.parse(made ?? '');
  return Number.isNaN(at) ? null : at;
}

export const param = (of: Record<string, unknown>, name: string): string | null => text.parse(of[name]);

/** Ends of the ids of the sources that carry messages and mails; others, such as a calendar, stand beside them. */
const carriesMessages = /_(MESSAGING|MAILS)$/i;

/** The sources that decide whether an account works: those that carry messages, or all where none does. */
export function decidingSources({ sources }: UnipileAccount): UnipileAccount['sources'] {
  const carrying = sources.filter(({ id }) => id !== null && carriesMessages.test(id));
  return carrying.length ? carrying : sources;
}
