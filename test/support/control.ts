/** The sandbox's control API. Throws when the sandbox answers an error. */
export interface Control {
  url: string;
  post(path: string, body?: unknown): Promise<any>;
  put(path: string, body: unknown): Promise<any>;
  patch(path: string, body: unknown): Promise<any>;
  get(path: string): Promise<any>;
  delete(path: string): Promise<any>;
  /** How often a provider's route was called; the route as the sandbox's pattern, such as `/api/v1/accounts/:id`. */
  count(method: string, route: string): Promise<number>;
}

export function createControl(url: string): Control {
  const call = async (method: string, path: string, body?: unknown): Promise<any> => {
    const response = await fetch(new URL(path, url), {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`sandbox control ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
  const control: Control = {
    url,
    post: (path, body = {}) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    patch: (path, body) => call('PATCH', path, body),
    get: (path) => call('GET', path),
    delete: (path) => call('DELETE', path),
    count: async (method, route) => {
      const calls = (await control.get('/calls')) as { method: string; route: string; count: number }[];
      return calls
        .filter((one) => one.method === method && one.route === route)
        .reduce((sum, one) => sum + one.count, 0);
    },
  };
  return control;
}
