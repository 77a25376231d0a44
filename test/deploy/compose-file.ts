import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { project } from './role-process.ts';

/** The fields that tests read. */
export interface Service {
  image: string;
  build?: string;
  command?: string | string[];
  entrypoint?: string[];
  user?: string;
  ports?: string[];
  volumes?: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  deploy?: { replicas: string };
  init?: boolean;
  network_mode?: string;
  stop_grace_period?: string;
}

/** A value for every required variable of .env. */
export const given: Readonly<Record<string, string>> = {
  POSTGRES_PASSWORD: 'p1',
  PATCHBAY_OWNER_PASSWORD: 'p2',
  PATCHBAY_RUNTIME_PASSWORD: 'p3',
  PATCHBAY_READER_PASSWORD: 'p4',
  TEMPORAL_PASSWORD: 'p5',
  ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64'),
  PUBLIC_URL: 'https://patchbay.example',
};

const text = readFileSync(join(project, 'docker-compose.yml'), 'utf8');

/** The required variables, and those with a default. */
export const variables = {
  required: [...new Set([...text.matchAll(/\$\{(\w+):\?/g)].map(([, name = '']) => name))],
  optional: [...new Set([...text.matchAll(/\$\{(\w+):-/g)].map(([, name = '']) => name))],
};

/** With `values` in place of variables, as `docker compose config` prints them. */
export function readCompose(values: Readonly<Record<string, string>> = given): Record<string, Service> {
  const fill = (_whole: string, name: string, kind?: string, rest?: string): string => {
    if (values[name]) return values[name];
    if (kind === '-') return rest ?? '';
    throw new Error(`${name} is not given`);
  };
  const filled = (node: unknown): unknown => {
    if (typeof node === 'string') return node.replace(/\$\{(\w+)(?::([?-])([^}]*))?\}/g, fill);
    if (Array.isArray(node)) return node.map(filled);
    if (node === null || typeof node !== 'object') return node;
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, filled(value)]));
  };
  return (filled(parse(text, { merge: true })) as { services: Record<string, Service> }).services;
}
