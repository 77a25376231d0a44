import { pino, type Logger } from 'pino';

export type Log = Logger;

/** JSON lines on stdout. Log named fields, never whole objects: the redaction is the last net, not the rule. */
export function createLog(name: string, level: string): Log {
  return pino({
    name,
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: ['*.password', '*.access_token', '*.authorization', '*.secret', 'req.headers', 'config'],
      censor: '[redacted]',
    },
    serializers: { err: errorFields, error: errorFields },
  });
}

/** The loggable part: library errors carry requests, and requests carry keys. */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: typeof error === 'string' ? error : 'not an error' };
  const { name, message, stack } = error;
  const code = (error as { code?: unknown }).code;
  return { name, message, ...(typeof code === 'string' ? { code } : {}), stack };
}
