import { z } from 'zod';

/** An address that takes no API key: what is in it, or what it carries, is the credential, or it needs none. */
export interface OpenRoute {
  method: 'get' | 'post';
  path: string;
  /** Without it the address is for a browser or a tool of ours, and not in the document. */
  described?: { summary: string; tag: string; answer: z.ZodType; unavailable?: z.ZodType };
}

const part = z.enum(['up', 'down']);
const readiness = z.object({ status: z.enum(['ready', 'not ready']), database: part, temporal: part });

const webhook = {
  tag: 'webhooks',
  answer: z.object({ received: z.number().int().describe('Events that are committed now.') }),
};
const documented = 'Where a provider says what happened, its secret in the header that the webhook was registered with';

export const publicRoutes: OpenRoute[] = [
  {
    method: 'get',
    path: '/healthz',
    described: { summary: 'Whether the process answers', tag: 'health', answer: z.object({ status: z.literal('ok') }) },
  },
  {
    method: 'get',
    path: '/readyz',
    described: {
      summary: 'Whether it can do its work',
      tag: 'health',
      answer: readiness,
      unavailable: readiness,
    },
  },
  {
    method: 'post',
    path: '/webhooks/{provider}/{token}',
    described: { ...webhook, summary: "Where a provider says what happened: a tenant's own address" },
  },
  ...['/api/v1/webhooks/unipile', '/api/unipile/webhook'].map((path): OpenRoute => ({
    method: 'post',
    path,
    described: { ...webhook, summary: documented },
  })),
  {
    method: 'post',
    path: '/callbacks/{provider}/{token}',
    described: {
      tag: 'webhooks',
      summary: "Where a provider's login page says how it ended; the token is the attempt's and counts once",
      answer: z.object({ received: z.literal(true) }),
    },
  },
  { method: 'get', path: '/callbacks/{provider}/{token}/{outcome}' },
  { method: 'post', path: '/codec/{token}/decode' },
  { method: 'get', path: '/docs' },
  { method: 'get', path: '/openapi.json' },
];
