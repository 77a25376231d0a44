/** What a reader must know before the first call. Markdown. */
export const introduction = `Keeps people's messaging accounts connected and their data in sync, durably.
A guide with code, in curl and TypeScript: \`docs/integrate.md\`.

## Authentication

\`Authorization: Bearer pb_…\`, an API key of your tenant. Each operation names the scope that it needs: \`read\`, \`write\`,
\`admin\`; \`operator\` also shows links to histories, \`raw\` also the providers' raw answers. The local stack prints a key
that has them all, and \`patchbay keys create --tenant NAME\` makes others. An id of another tenant is 404.

## Requests

JSON in UTF-8, with \`Content-Type: application/json\`. Fields and query parameters that are not known are refused with 422,
which names the nearest known one. Integers up to 9007199254740991; send longer ones as texts.

## Errors

\`application/problem+json\` (RFC 9457): \`{type, title, status, code, detail, fix, request_id}\`. Compare \`code\`. A problem
about the input has \`errors: [{field, message}]\`. 429 and 503 carry \`Retry-After\`, in seconds. Every answer to a key carries
\`RateLimit\` and \`RateLimit-Policy\`.

## Lists

\`{items, next_cursor}\`. Send \`next_cursor\` as \`cursor\` until it is null; \`limit\` is 1 to 200, default 50. \`account\` is the
filter by account everywhere. With \`updated_since\` accounts, contacts, conversations and messages are listed in the order of
their changes; the answer's \`updated_until\` is the next \`updated_since\`.

## Repeats

Send an \`Idempotency-Key\` with a POST. The same key with the same body gives the first answer again for 24 hours, with
\`Idempotent-Replayed: true\`; with another body it is 422. A replay shows what the key that asks may see, and secrets that
are shown once not at all.

## What takes time

202 with the resource, and its address in \`Location\`. A login: read its attempt with \`after={step.id}&wait=25\`, which answers
as soon as the step is another one. A sync: \`wait\` holds the answer until it ends, which is then 200. One key may have
${'`REQUESTS_AT_ONCE_PER_KEY`'} requests at once, and ${'`WAITS_AT_ONCE_PER_KEY`'} that wait.

## Events

What changes is told once, in one feed: \`GET /api/v1/events\` as pages or as server-sent events, and the WebSocket
\`/api/v1/realtime\`. Each event has an id after which a reader resumes. A guide: \`docs/events.md\`.

## Steps of a login

A client that can draw these kinds can connect any account of any provider. Answer \`code\`, \`phone\`, \`choose\` and \`captcha\`
with \`POST /api/v1/accounts/{id}/attempt/steps/{step_id}\`; the others end elsewhere.

| Kind | Carries | The owner |
|---|---|---|
| \`redirect\` | \`url\` | opens the link and logs in there |
| \`qr\` | \`text\`, \`image_url\` | scans the code; a new one is a new step |
| \`code\` | \`source\`, \`length\` | types the code |
| \`phone\` | | types the phone number, with its country code |
| \`approve\` | | approves the login in the app |
| \`captcha\` | \`public_key\`, \`data\` | solves the puzzle |
| \`choose\` | \`options\` | picks one; the answer is its id |
| \`wait\` | \`for\` | waits |
| \`done\` | | is connected |
| \`failed\` | \`reason\`, \`who\`, \`what_to_do\` | starts again |
`;

/** Groups of operations, in the order in which they are shown. */
export const tags: readonly { name: string; description?: string }[] = [
  { name: 'accounts', description: 'Accounts of people at messaging services.' },
  { name: 'attempt', description: 'Logging in, step by step.' },
  { name: 'syncs' },
  { name: 'bulk operations', description: 'Many accounts at once, and exports of data.' },
  { name: 'contacts' },
  { name: 'conversations', description: 'Inboxes, from the local database alone.' },
  { name: 'messages' },
  { name: 'attendees', description: 'The people of conversations.' },
  { name: 'search' },
  { name: 'erasures' },
  { name: 'analytics', description: 'Figures by day.' },
  { name: 'events', description: 'What changed here, as one feed.' },
  { name: 'webhook endpoints', description: 'Events that Patchbay delivers to addresses of yours.' },
  { name: 'webhook events', description: 'What came from providers.' },
  { name: 'settings', description: 'Providers and their credentials.' },
  { name: 'tenant' },
  { name: 'keys' },
  { name: 'audit', description: 'Who did what, when, with which key.' },
  { name: 'webhooks', description: 'Addresses that providers call. No API key.' },
  { name: 'health' },
  { name: 'Compatibility', description: 'Paths of the systems that Patchbay replaces. Each stands for one above.' },
];
