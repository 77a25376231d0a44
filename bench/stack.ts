import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { makeTemporaryHome } from '../dev/parts/home.ts';
import { databaseUrlOf } from '../dev/parts/postgres-roles.ts';
import { startStack } from '../dev/stack.ts';
import type { Report } from '../dev/parts/progress.ts';
import type { StackFile } from '../dev/parts/stack-file.ts';

type Json = Record<string, unknown>;

/** A new local stack, each part a process of its own as in production. */
export interface BenchStack {
  describe(): StackFile;
  /** From settings.json. */
  settings: Record<string, string>;
  api<T = Json>(method: string, path: string, body?: unknown): Promise<T>;
  /** Of the sandbox. */
  control<T = Json>(method: string, path: string, body?: unknown): Promise<T>;
  /** PostgreSQL's superuser, in the stack's database. */
  admin: pg.Client;
  /** With the superuser's login. */
  adminUrl: string;
  /** With the schema owner's login. */
  ownerUrl: string;
  stop(): Promise<void>;
}

/** They would make the stack use other servers or providers. */
const notInherited = /^(DATABASE_URL|TEMPORAL_|UNIPILE_|WASENDER_|META_|WHATSAPP_|ENCRYPTION_|PORT$|METRICS_PORT$)/;

export async function startBenchStack(
  settings: Record<string, string>,
  report: Report,
  signal: AbortSignal,
): Promise<BenchStack> {
  const home = makeTemporaryHome('bench');
  const inherited = Object.entries(process.env).filter(([name]) => !notInherited.test(name));
  const env = { ...Object.fromEntries(inherited), PATCHBAY_HOME: home, LOG_LEVEL: 'warn', ...settings };
  const stack = await startStack(env, report, signal).catch((error: unknown) => {
    rmSync(home, { recursive: true, force: true });
    throw error;
  });
  const described = stack.describe();
  const adminUrl = databaseUrlOf(home, described.database_url, 'superuser');
  const admin = new pg.Client({ connectionString: adminUrl });
  // A benchmark may kill PostgreSQL: later statements fail, and nothing else does.
  admin.on('error', () => {});
  const stop = async (): Promise<void> => {
    await admin.end();
    await stack.stop();
    rmSync(home, { recursive: true, force: true });
  };
  await admin.connect();
  return {
    describe: stack.describe,
    settings: JSON.parse(readFileSync(join(home, 'settings.json'), 'utf8')) as Record<string, string>,
    api: (method, path, body) => request(`${described.api_url}/api/v1`, method, path, body, described.api_key),
    control: (method, path, body) => request(described.sandbox?.control_url ?? '', method, path, body),
    admin,
    adminUrl,
    ownerUrl: databaseUrlOf(home, described.database_url, 'owner'),
    stop,
  };
}

async function request<T>(base: string, method: string, path: string, body?: unknown, key?: string): Promise<T> {
  const answer = await fetch(base + path, {
    method,
    headers: {
      ...(key && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
  return (text ? JSON.parse(text) : null) as T;
}

/** Repeats `ask` after each pause until it returns a value; throws when the time is over. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | null>,
  withinMs = 60_000,
  pauseMs = 100,
): Promise<T> {
  for (const end = Date.now() + withinMs; Date.now() < end;) {
    const found = await ask();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  throw new Error(`waited ${withinMs / 1000} s for ${what}`);
}
