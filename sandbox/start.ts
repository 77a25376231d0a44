import { PROVIDERS } from './providers.ts';
import { controlApp } from './server/control.ts';
import { keepWorld } from './server/kept-world.ts';
import { listen, type Listening } from './server/listen.ts';
import type { ProviderDefinition, ProviderSandbox } from './server/provider.ts';
import { createShared, resetShared } from './server/shared.ts';

type Name = (typeof PROVIDERS)[number]['name'] | 'control';

/** `unipilePort`, …, `controlPort`. 0 or absent: any free port. */
export type SandboxPorts = { [N in Name as `${N}Port`]?: number };

/** Base addresses as each provider's own client takes them: `unipileUrl`, …, `controlUrl`. */
export type Sandbox = { [N in Name as `${N}Url`]: string } & { close(): Promise<void> };

/** Several sandboxes share nothing. The world is in `file`, or in memory. Rejects when a port is taken. */
export async function startSandbox(ports: SandboxPorts = {}, file?: string): Promise<Sandbox> {
  const shared = createShared();
  const definitions: readonly ProviderDefinition<Name>[] = PROVIDERS;
  const running = new Map<string, ProviderSandbox>();
  for (const one of definitions) running.set(one.name, one.create(shared));
  const keep = file ? keepWorld(file, shared, running) : () => {};
  const control = { name: 'control' as const, urlPath: '', app: controlApp(shared, running) };

  const open: Listening[] = [];
  const close = async (): Promise<void> => {
    keep();
    resetShared(shared);
    await Promise.all(open.map((one) => one.close()));
  };
  const urls: Record<string, string> = {};
  try {
    const apps = definitions.map(({ name, urlPath }) => ({ name, urlPath, app: running.get(name)!.app }));
    for (const { name, urlPath, app } of [...apps, control]) {
      const listening = await listen(ports[`${name}Port`] ?? 0, app);
      open.push(listening);
      urls[`${name}Url`] = listening.url + urlPath;
    }
    return { ...(urls as Omit<Sandbox, 'close'>), close };
  } catch (error) {
    await close();
    throw error;
  }
}
