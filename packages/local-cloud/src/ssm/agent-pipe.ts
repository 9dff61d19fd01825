import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** More of an output is read and dropped: what SSM keeps of it is far less. */
const keptBytes = 1024 * 1024;

/** One output of a script: the read end of a pipe, which the agent reads until nobody has the other end open any more. */
export class AgentPipe {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Nobody can write any more. */
  readonly ended: Promise<void>;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      if (this.#bytes < keptBytes) this.#chunks.push(chunk);
      this.#bytes += chunk.length;
    });
    this.ended = new Promise((resolve) => {
      socket.once('close', () => resolve());
    });
  }

  /** What came until now; the rest, should any come, is not read: who writes it gets SIGPIPE. */
  stop(): Buffer {
    this.#socket.destroy();
    return Buffer.concat(this.#chunks).subarray(0, keptBytes);
  }
}

export interface AgentPipes {
  readonly stdout: AgentPipe;
  readonly stderr: AgentPipe;
  /** the other ends, for the script */
  readonly descriptors: { readonly stdout: number; readonly stderr: number };
  /** Our own copies of the other ends, which would keep the pipes open. The second time nothing happens. */
  closeDescriptors(): void;
}

/** Real pipes: those of Node.js are sockets, which a script cannot open by the names /dev/stdout and /dev/stderr. */
export async function openPipes(scratchDirectory: string): Promise<AgentPipes> {
  const directory = await mkdtemp(join(scratchDirectory, 'step-'));
  try {
    const paths = [join(directory, 'stdout'), join(directory, 'stderr')] as const;
    await promisify(execFile)('mkfifo', paths);
    let closed = false;
    const [stdout, stderr] = [openPipe(paths[0]), openPipe(paths[1])];
    return {
      stdout: stdout.pipe,
      stderr: stderr.pipe,
      descriptors: { stdout: stdout.descriptor, stderr: stderr.descriptor },
      closeDescriptors() {
        // By then the numbers may be those of other files
        if (closed) return;
        closed = true;
        closeSync(stdout.descriptor);
        closeSync(stderr.descriptor);
      },
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}

function openPipe(path: string): { readonly pipe: AgentPipe; readonly descriptor: number } {
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const descriptor = openSync(path, constants.O_WRONLY);
  return { pipe: new AgentPipe(new Socket({ fd: reader, readable: true, writable: false })), descriptor };
}
