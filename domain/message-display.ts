import type { Channel } from './channels.ts';

/** A part of a message that is drawn in one way. Missing: not so. */
export interface DisplaySpan {
  text: string;
  bold?: true;
  italic?: true;
  strike?: true;
  mono?: true;
  /** The address that the text leads to. */
  link?: string;
  /** The person that the text names. */
  mention?: { attendee: string; name: string };
}

/** The person behind the digits of a mention; null where it is not known. */
export type FindMention = (digits: string) => { attendee: string; name: string } | null;

type Style = 'bold' | 'italic' | 'strike';
/** WhatsApp's marks (faq.whatsapp.com, "How to format your messages"). */
const styleOf: Readonly<Record<string, Style>> = { '*': 'bold', _: 'italic', '~': 'strike' };
/** Channels whose texts have these marks and mentions; others have links only. */
const marked: ReadonlySet<Channel> = new Set(['whatsapp']);

/** Texts of more characters than any channel takes are one part. */
const longestDrawn = 100_000;
/** Longer addresses are shown as they are written, without a link. */
const longestLink = 2_048;
const linkStart = /https?:\/\/|www\./giy;
const linkEnd = /[\s<>"'`]/g;
const mention = /@(\d{5,20})(?![\p{L}\p{N}])/uy;
const isWordSign = (text: string | undefined): boolean => text !== undefined && /[\p{L}\p{N}]/u.test(text);
const isBlank = (text: string | undefined): boolean => text === undefined || /\s/.test(text);

/** The digits of every mention of a text: what `displayOf` will ask for. */
export const mentionsOf = (channel: Channel, text: string | null): string[] => {
  const found = new Set<string>();
  displayOf(channel, text, (digits) => {
    found.add(digits);
    return null;
  });
  return [...found];
};

/** A message's text, or the caption of its files, as spans that any client can draw. Linear time. */
export function displayOf(channel: Channel, text: string | null, find: FindMention): DisplaySpan[] {
  if (text === null || text === '') return [];
  if (text.length > longestDrawn) return [{ text }];
  if (!marked.has(channel)) return [...withLinks(text, {}, null)];
  const spans: DisplaySpan[] = [];
  for (const part of monoParts(text)) {
    if (part.mono) spans.push({ text: part.text, mono: true });
    else
      for (const { text: piece, styles } of styledParts(part.text))
        for (const span of withLinks(piece, styles, find)) spans.push(span);
  }
  return spans;
}

/** Parts between ``` and, within a line, between single ` are shown as they are, without their marks. */
function* monoParts(text: string): Generator<{ text: string; mono: boolean }> {
  let from = 0;
  let line = -1;
  let fences = true;
  for (let at = text.indexOf('`'); at !== -1; at = text.indexOf('`', at)) {
    const isFence = text.startsWith('```', at);
    const size = isFence ? 3 : 1;
    if (at > line) line = lineEnd(text, at);
    // A fence that was not closed once is not closed later either.
    const next: number = isFence && !fences ? -1 : text.indexOf(isFence ? '```' : '`', at + size);
    if (isFence) fences = next !== -1;
    if (next <= at + size || (!isFence && next > line)) {
      at += size;
      continue;
    }
    if (at > from) yield { text: text.slice(from, at), mono: false };
    yield { text: text.slice(at + size, next), mono: true };
    at = next + size;
    from = at;
  }
  if (from < text.length) yield { text: text.slice(from), mono: false };
}

const lineEnd = (text: string, at: number): number => {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end;
};

type Styles = Partial<Record<Style, true>>;

/**
 * Parts with the same styles, without the marks. A mark opens before a word and closes after one, in the same line; marks of
 * one kind do not nest, and one that closes takes with it what was opened inside and not closed.
 */
function styledParts(text: string): { text: string; styles: Styles }[] {
  const joined: { text: string; styles: Styles }[] = [];
  for (let from = 0; from < text.length;) {
    const end = Math.min(lineEnd(text, from) + 1, text.length);
    for (const part of styledLine(text.slice(from, end))) {
      const last = joined.at(-1);
      if (last && sameStyles(last.styles, part.styles)) last.text += part.text;
      else joined.push(part);
    }
    from = end;
  }
  return joined;
}

const sameStyles = (one: Styles, other: Styles): boolean =>
  one.bold === other.bold && one.italic === other.italic && one.strike === other.strike;

function styledLine(line: string): { text: string; styles: Styles }[] {
  const pairs = markPairs(line);
  const parts: { text: string; styles: Styles }[] = [];
  let styles: Styles = {};
  let from = 0;
  for (const { at, style, opens } of pairs) {
    if (at > from) parts.push({ text: line.slice(from, at), styles });
    const { [style]: _, ...others } = styles;
    const { bold, italic, strike }: Styles = opens ? { ...others, [style]: true } : others;
    styles = { ...(bold && { bold }), ...(italic && { italic }), ...(strike && { strike }) };
    from = at + 1;
  }
  if (from < line.length) parts.push({ text: line.slice(from), styles });
  return parts;
}

interface Mark {
  at: number;
  style: Style;
  opens: boolean;
}

/** The marks of a line that have a partner, in their order. */
function markPairs(line: string): Mark[] {
  const open: { at: number; style: Style }[] = [];
  const found: Mark[] = [];
  for (let at = 0; at < line.length; at += 1) {
    const style = styleOf[line.charAt(at)];
    if (!style) {
      // Marks within an address are a part of it.
      if (/[hw]/i.test(line.charAt(at))) at = Math.max(at, (linkAt(line, at)?.end ?? at) - 1);
      continue;
    }
    const [before, after] = [line[at - 1], line[at + 1]];
    const opened = open.findIndex((one) => one.style === style);
    if (opened !== -1 && !isBlank(before) && !isWordSign(after) && at > (open[opened]?.at ?? 0) + 1) {
      found.push({ at: open[opened]?.at ?? 0, style, opens: true }, { at, style, opens: false });
      open.length = opened;
    } else if (opened === -1 && !isBlank(after) && !isWordSign(before)) open.push({ at, style });
  }
  return found.toSorted((one, other) => one.at - other.at);
}

/** Where the address that begins here ends; `isLink` where it is short enough to be followed. Null where none begins. */
function linkAt(text: string, at: number): { end: number; isLink: boolean } | null {
  linkStart.lastIndex = at;
  if (isWordSign(text[at - 1]) || !linkStart.test(text)) return null;
  const start = linkStart.lastIndex;
  linkEnd.lastIndex = start;
  let end = linkEnd.exec(text)?.index ?? text.length;
  // Punctuation and marks at the end are the sentence's, and a bracket that the address did not open.
  const keepsBracket = text.slice(start, end).includes('(');
  while (end > start && /[.,;:!?*_~)\]}]/.test(text.charAt(end - 1))) {
    if (keepsBracket && text.charAt(end - 1) === ')') break;
    end -= 1;
  }
  return end > start ? { end, isLink: end - at <= longestLink } : null;
}

/** Links, and where people are to be found mentions, as spans of their own. */
function withLinks(text: string, styles: Styles, find: FindMention | null): DisplaySpan[] {
  const spans: DisplaySpan[] = [];
  let from = 0;
  const add = (end: number, more: Pick<DisplaySpan, 'link' | 'mention'>, shown?: string): void => {
    if (end > from) spans.push({ text: shown ?? text.slice(from, end), ...styles, ...more });
    from = end;
  };
  const starts = /[hw@]/gi;
  for (let start = starts.exec(text); start; start = starts.exec(text)) {
    const at = start.index;
    const person = start[0] === '@' && find ? mentionAt(text, at, find) : null;
    const address = start[0] === '@' ? null : linkAt(text, at);
    if (person) {
      add(at, {});
      add(person.end, { mention: person.mention }, `@${person.mention.name}`);
    } else if (address?.isLink) {
      add(at, {});
      const link = text.slice(at, address.end);
      add(address.end, { link: /^www/i.test(link) ? `https://${link}` : link });
    }
    const end = person?.end ?? address?.end;
    if (end !== undefined) starts.lastIndex = end;
  }
  add(text.length, {});
  return spans;
}

function mentionAt(
  text: string,
  at: number,
  find: FindMention,
): { end: number; mention: NonNullable<ReturnType<FindMention>> } | null {
  mention.lastIndex = at;
  const digits = mention.exec(text)?.[1];
  const found = digits !== undefined && !isWordSign(text[at - 1]) ? find(digits) : null;
  return found ? { end: at + 1 + (digits?.length ?? 0), mention: found } : null;
}
