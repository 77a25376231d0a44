import { createApp } from '../../api/app.ts';
import { createSignaller } from '../../api/webhooks/signaller.ts';
import { readDocument } from './openapi.ts';
import { startTestApi, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());
it('dump', async () => {
  const d = await readDocument(api);
  for (const o of d.operations)
    console.log(
      o.name,
      o.open,
      o.scope,
      JSON.stringify(o.parameters.map((p) => p.in + ':' + p.name)),
      JSON.stringify(o.body),
      Object.keys(o.answers).join(),
    );
  const app: any = createApp(api.context, createSignaller(api.context));
  console.log(
    app.router.stack
      .filter((l: any) => l.route)
      .map((l: any) => `${Object.keys(l.route.methods)} ${l.route.path}`)
      .join('\n'),
  );
});
