const CONSTANTS = ['', 'null', '[]', '{}', '"event"', '['.repeat(2000), '{"event":', '\u0000\ufffd\u0000'];

/** A body that says nothing of any account or message. `draw`: a number in [0, 1). */
export function malformed(body: string, draw: number): string {
  const variants = [...CONSTANTS, body.slice(0, body.length >> 1), withoutContent(body), withNumbers(body)];
  return variants[Math.floor(draw * variants.length)]!;
}

function withoutContent(body: string): string {
  return /^\{"event":"[\w.-]+"/.exec(body)?.[0].concat('}') ?? '{"event":null}';
}

/** Numbers where texts belong. */
function withNumbers(body: string): string {
  return body.startsWith('{')
    ? JSON.stringify(JSON.parse(body), (_name, value) => (typeof value === 'string' ? value.length : value))
    : '7';
}
