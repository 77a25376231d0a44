import { z } from 'zod';
import type { Providers } from '../../providers/provider.ts';

/** An address without an API key: its credential is in the path or the request, or it needs none. */
export interface OpenRoute {
  method: 'get' | 'post';
  path: string;
  /** Without it the address is for browsers or our tools, and not in the OpenAPI document. */
  described?: {
    name: string;
    summary: string;
    tag: string;
    answer: z.ZodType;
    unavailable?: z.ZodType;
    /** For answers that are not JSON: their type. */
    contentType?: string;
  };
}

const part = z.enum(['up', 'down']);
const readiness = z.object({
  status: z.enum(['ready', 'not ready']),
  database: part,
  temporal: part,
  sending: z.enum(['on', 'paused', 'unknown']).describe('paused: after a restore, until patchbay resume.'),
});

const webhook = {
  tag: 'webhooks',
  answer: z.object({ received: z.number().int().describe('Events that are committed now.') }),
};
const challenge = {
  tag: 'webhooks',
  answer: z.string().describe('The challenge of the request, as it came.'),
  contentType: 'text/plain',
  summary: 'Answers a provider that asks whether a webhook address is ours, where it shows the right token',
};
const documented =
  'Takes the webhooks of a provider; the secret is in the header with which the webhook was registered';

/** A path as the part of an operation's id: `/api/pagelink/webhook` is `ApiPagelinkWebhook`. */
const nameOf = (path: string): string => path.replace(/[^\w]+(\w?)/g, (_, next: string) => next.toUpperCase());

const deletion = z.object({ url: z.string(), confirmation_code: z.string() });
const deauthorized = {
  tag: 'webhooks',
  answer: z.object({ received: z.literal(true) }),
  summary: "Takes a provider's signed word that one of its users ended the login; their accounts are checked at once",
};
const deletionRequested = {
  tag: 'webhooks',
  answer: deletion,
  summary: "Takes a provider's signed request to delete what is stored of one of its users",
};

/** What providers ask in the name of their users: at the installation's addresses, and at those of a tenant's credentials. */
const userRequestRoutes: OpenRoute[] = [
  {
    method: 'post',
    path: '/callbacks/{provider}/deauthorize',
    described: { ...deauthorized, name: 'receiveDeauthorization' },
  },
  {
    method: 'post',
    path: '/callbacks/{provider}/{token}/deauthorize',
    described: { ...deauthorized, name: 'receiveDeauthorizationOfTenant' },
  },
  {
    method: 'post',
    path: '/callbacks/{provider}/data-deletion',
    described: { ...deletionRequested, name: 'receiveDataDeletion' },
  },
  {
    method: 'post',
    path: '/callbacks/{provider}/{token}/data-deletion',
    described: { ...deletionRequested, name: 'receiveDataDeletionOfTenant' },
  },
  {
    method: 'get',
    path: '/callbacks/{provider}/data-deletion/{code}',
    described: {
      name: 'showDataDeletion',
      tag: 'webhooks',
      summary: 'Shows how far a deletion is that a user asked their provider for: a page, or JSON by Accept',
      answer: z.object({
        confirmation_code: z.string(),
        state: z.enum(['running', 'done']),
        requested_at: z.iso.datetime(),
        done_at: z.iso.datetime().nullable().describe('Null until the end was noted, some seconds after it.'),
      }),
    },
  },
];

/** Every address without an API key. */
export const publicRoutes = (providers: Providers): OpenRoute[] => [
  {
    method: 'get',
    path: '/healthz',
    described: {
      name: 'isAlive',
      summary: 'Whether the process answers',
      tag: 'health',
      answer: z.object({ status: z.literal('ok') }),
    },
  },
  {
    method: 'get',
    path: '/readyz',
    described: {
      name: 'isReady',
      summary: 'Whether PostgreSQL and Temporal answer',
      tag: 'health',
      answer: readiness,
      unavailable: readiness,
    },
  },
  {
    method: 'post',
    path: '/webhooks/{provider}/{token}',
    described: {
      ...webhook,
      name: 'receiveWebhook',
      summary: "Takes the webhooks of a provider, at a tenant's own address",
    },
  },
  ...Object.values(providers).flatMap(({ name, webhooks, oauth }): OpenRoute[] => [
    ...(webhooks.challenge ? [`/webhooks/${name}/{token}`, ...webhooks.paths] : []).map((path) => ({
      method: 'get' as const,
      path,
      described: { ...challenge, name: `verify${nameOf(path)}` },
    })),
    ...(oauth ? [`/callbacks/${name}`, ...(oauth.paths ?? [])] : []).map((path) => ({ method: 'get' as const, path })),
  ]),
  ...Object.values(providers)
    .flatMap(({ webhooks }) => webhooks.paths)
    .map((path): OpenRoute => ({
      method: 'post',
      path,
      described: {
        ...webhook,
        name: `receiveWebhook${nameOf(path)}`,
        summary: documented,
      },
    })),
  {
    method: 'post',
    path: '/callbacks/{provider}/{token}',
    described: {
      name: 'receiveLoginCallback',
      tag: 'webhooks',
      summary: "Takes the callback of a provider's login page; the token is the attempt's and counts once",
      answer: z.object({ received: z.literal(true) }),
    },
  },
  ...(Object.values(providers).some(({ callbacks }) => callbacks) ? userRequestRoutes : []),
  { method: 'get', path: '/callbacks/{provider}/{token}/{outcome}' },
  { method: 'post', path: '/callbacks/{provider}/{token}/failure' },
  { method: 'post', path: '/codec/{token}/decode' },
  { method: 'get', path: '/docs' },
  { method: 'get', path: '/openapi.json' },
];
