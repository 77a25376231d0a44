import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import type { ProviderSandbox } from './provider.ts';
import type { Shared } from './shared.ts';

/** A file of another version is not read. */
const VERSION = 2;
const EVERY_MS = 5_000;

interface KeptWorld {
  version: number;
  offsetSeconds: number;
  providers: Record<string, { variants: object; world: unknown }>;
}

/** Loads and saves every few seconds, and on call. Running logins are left out. An unreadable file is replaced. */
export function keepWorld(file: string, shared: Shared, providers: ReadonlyMap<string, ProviderSandbox>): () => void {
  if (existsSync(file)) load(file, shared, providers);
  let kept: Buffer | null = null;
  const save = (): void => {
    const world: KeptWorld = { version: VERSION, offsetSeconds: shared.clock.offsetSeconds(), providers: {} };
    for (const [name, one] of providers) world.providers[name] = { variants: one.variants.values, world: one.save() };
    const bytes = serialize(world);
    if (kept?.equals(bytes)) return;
    writeFileSync(`${file}.tmp`, bytes, { mode: 0o600 });
    renameSync(`${file}.tmp`, file);
    kept = bytes;
  };
  const timer = setInterval(save, EVERY_MS).unref();
  return () => {
    clearInterval(timer);
    save();
  };
}

function load(file: string, shared: Shared, providers: ReadonlyMap<string, ProviderSandbox>): void {
  try {
    const kept = deserialize(readFileSync(file)) as KeptWorld;
    if (kept.version !== VERSION) throw new Error(`it is of version ${kept.version}`);
    shared.clock.advance(kept.offsetSeconds);
    for (const [name, one] of providers) {
      const { variants = {}, world = null } = kept.providers[name] ?? {};
      for (const [variant, value] of Object.entries(variants)) one.variants.set(variant, value);
      if (world) one.restore(world);
    }
  } catch (error) {
    process.stderr.write(`The sandbox begins anew: ${file} cannot be read (${(error as Error).message}).\n`);
    for (const one of providers.values()) one.reset();
  }
}
