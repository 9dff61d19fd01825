import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { Server as NetServer } from 'node:net';

/** `own`: that of this process; else a file that stands for a network namespace, in which the page is to be found. */
export type Network = 'own' | { readonly file: string };

interface Place {
  /** 0: any that is free. */
  readonly port: number;
  readonly network: Network;
}

/**
 * Lets a server answer on 127.0.0.1. A socket stays in the network namespace in which it was opened, whoever holds it: for another network, a
 * process in there opens it and hands it over.
 *
 * @returns the port
 */
export async function listenOnLoopback(server: HttpServer, { port, network }: Place): Promise<number> {
  if (network === 'own') {
    server.listen({ host: '127.0.0.1', port, exclusive: true });
    await once(server, 'listening');
    return portOf(server);
  }
  const opened = await openElsewhere(network.file, port);
  const known = portOf(opened);
  server.listen(opened);
  await once(server, 'listening');
  return known;
}

const opener = `
  const server = require('node:net').createServer();
  server.on('error', (error) => process.send({ error: error.message }, () => process.exit(1)));
  server.listen({ host: '127.0.0.1', port: Number(process.argv[1]), exclusive: true }, () =>
    process.send('open', server, () => process.disconnect()));
`;

async function openElsewhere(file: string, port: number): Promise<NetServer> {
  const child = spawn('nsenter', [`--net=${file}`, '--', process.execPath, '-e', opener, String(port)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('exit', (code) => fail(new Error(`The port could not be opened (exit code ${code}).`)));
    child.on('message', (message: unknown, handle) => {
      if (handle instanceof NetServer) done(handle);
      else fail(new Error(`The port could not be opened: ${JSON.stringify(message)}`));
    });
  });
}

function portOf(server: NetServer): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return address.port;
}
