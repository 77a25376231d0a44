import { createServer } from 'node:http2';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { openConnection } from '../../temporal/connect.ts';

test('a call that waits for its next try fails when its connection is closed', async () => {
  const server = createServer();
  server.on('stream', (stream) => {
    // gRPC's UNAVAILABLE, which the client tries again.
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14' }, { endStream: true });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const connection = openConnection({ address: `127.0.0.1:${(server.address() as AddressInfo).port}` });
    const answered = once(server, 'stream');
    const call = connection.workflowService.getSystemInfo({});
    const failure = expect(call).rejects.toMatchObject({ code: 1 });
    await answered;
    await connection.close();
    await failure;
  } finally {
    server.close();
  }
});
