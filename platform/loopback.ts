/** Hosts of this machine, as addresses and as parts of a URL. */
const hosts = ['localhost', '127.0.0.1', '::1', '[::1]'];
/** Node's `fetch`, axios and gRPC each read some of these; where `no_grpc_proxy` is set, gRPC reads it alone. */
const names = ['NO_PROXY', 'no_proxy', 'no_grpc_proxy'];

/** Makes this process and its children call this machine directly, whatever proxy the environment names. */
export function bypassProxyForLoopback(environment: NodeJS.ProcessEnv): void {
  const isProxied = Object.entries(environment).some(
    ([name, value]) => /^(https?|all|grpc)_proxy$/i.test(name) && value,
  );
  if (!isProxied) return;
  const given = names.flatMap((name) => (environment[name] ?? '').split(',')).map((host) => host.trim());
  const list = [...new Set([...given.filter((host) => host !== ''), ...hosts])].join(',');
  for (const name of names) environment[name] = list;
}
