/** The one line of a failed program's output that most likely says why: the last that names an error, else the last. */
export function complaintIn(printed: string): string {
  const lines = printed.split('\n').filter((line) => line.trim() !== '' && !/^\s+at |^Node\.js v/.test(line));
  const error = lines.findLast((line) => /error|fatal|panic|failed|patchbay:/i.test(line));
  return (error ?? lines.at(-1) ?? '(nothing)')
    .trim()
    .replace(/^patchbay: /, '')
    .slice(0, 400);
}
