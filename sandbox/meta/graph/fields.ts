import { invalidParameter } from '../errors.ts';

/** One entry of `fields`: `messages.limit(5){id,from}`. */
export interface Field {
  name: string;
  args: Record<string, string>;
  fields: Field[] | null;
}

/** Throws 2500-like 100 for broken syntax. */
export function parseFields(text: string): Field[] {
  let at = 0;
  const fail = (): never => {
    throw invalidParameter(
      `Syntax error "Expected end of string instead of "${text[at] ?? ''}"." at character ${at}: ${text}`,
    );
  };
  const word = (): string => {
    const found = /^[\s]*([A-Za-z_][\w]*)/.exec(text.slice(at));
    if (!found) return fail();
    at += found[0].length;
    return found[1]!;
  };
  const list = (depth: number): Field[] => {
    const fields: Field[] = [];
    for (;;) {
      const field: Field = { name: word(), args: {}, fields: null };
      while (text[at] === '.') {
        at++;
        const name = word();
        const value = /^\(([^()]*)\)/.exec(text.slice(at)) ?? fail();
        at += value[0].length;
        field.args[name] = value[1]!.trim();
      }
      if (text[at] === '{') {
        at++;
        field.fields = list(depth + 1);
        if (text[at++] !== '}') fail();
      }
      fields.push(field);
      while (text[at] === ' ') at++;
      if (text[at] !== ',') return fields;
      at++;
    }
  };
  const fields = list(0);
  if (at < text.length) fail();
  return fields;
}

/**
 * A function is an edge or a sub-object, made when it is asked for; undefined: this node has none. Throws 100 for a field
 * that this type of node does not have.
 */
export function selectFields(
  view: Readonly<Record<string, unknown>>,
  fields: readonly Field[],
  type: string,
): Record<string, unknown> {
  const selected: Record<string, unknown> = {};
  for (const field of fields) {
    if (!(field.name in view)) {
      throw invalidParameter(`Tried accessing nonexisting field (${field.name}) on node type (${type})`);
    }
    const value = view[field.name];
    const shown: unknown = typeof value === 'function' ? (value as (field: Field) => unknown)(field) : value;
    if (shown !== undefined) selected[field.name] = shown;
  }
  // Meta always tells the id of a node.
  if ('id' in view && !('id' in selected)) selected['id'] = view['id'];
  return selected;
}

export const defaultFields = (...names: string[]): Field[] => names.map((name) => ({ name, args: {}, fields: null }));
