import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { createFetchFile, type FetchFile } from '../../providers/shared/public-file.ts';
import { createPublicAgents } from '../../providers/shared/public-agents.ts';

/** A web server that stands for `files.example.com`. Every other host is reached, or refused, as by the product itself. */
export interface FileServer {
  url: string;
  fetchFile: FetchFile;
  /** Paths that were asked for. */
  asked: string[];
  /** Where the server listens: an address inside. */
  inside: string;
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  close(): Promise<void>;
}

const host = 'files.example.com';

export async function startFileServer(): Promise<FileServer> {
  const server = createServer((request, response) => {
    files.asked.push(request.url ?? '');
    files.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const agents = createPublicAgents();
  const guarded = agents.httpAgent.createConnection.bind(agents.httpAgent);
  agents.httpAgent.createConnection = (options, done) =>
    options.host === host ? connect(port, '127.0.0.1') : guarded(options, done);
  const files: FileServer = {
    url: `http://${host}`,
    fetchFile: createFetchFile(agents),
    asked: [],
    inside: `127.0.0.1:${port}`,
    answer: (_request, response) => response.end('a file'),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return files;
}
