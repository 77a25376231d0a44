import { controlApp } from './server/control.ts';
import { listen, type Listening } from './server/listen.ts';
import { createShared, resetShared } from './server/shared.ts';
import { createUnipile } from './unipile/index.ts';
import { createWasender } from './wasender/index.ts';

export interface SandboxPorts {
  /** 0 or absent: any free port. */
  unipilePort?: number;
  wasenderPort?: number;
  controlPort?: number;
}

export interface Sandbox {
  /** What UniPile's own client takes as its base: scheme, host and port. */
  unipileUrl: string;
  /** What WASender's own client takes as its base: ends in `/api`. */
  wasenderUrl: string;
  controlUrl: string;
  close(): Promise<void>;
}

/** Starts a sandbox with a world of its own; several in one process do not meet. Rejects when a port is taken. */
export async function startSandbox(ports: SandboxPorts = {}): Promise<Sandbox> {
  const shared = createShared();
  const unipile = createUnipile(shared);
  const wasender = createWasender(shared);
  const open: Listening[] = [];
  const close = async (): Promise<void> => {
    resetShared(shared);
    await Promise.all(open.map((one) => one.close()));
  };
  try {
    const api = await listen(ports.unipilePort ?? 0, unipile.app);
    open.push(api);
    const wasenderApi = await listen(ports.wasenderPort ?? 0, wasender.app);
    open.push(wasenderApi);
    const control = await listen(ports.controlPort ?? 0, controlApp(shared, [unipile, wasender]));
    open.push(control);
    return { unipileUrl: api.url, wasenderUrl: `${wasenderApi.url}/api`, controlUrl: control.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}
