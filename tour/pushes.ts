import type { LocalCloud } from 'local-cloud';

/** What push printed on one secondary. Source: docs/host-package.md. */
export interface PushResult {
  readonly kind: 'secondary';
  readonly id: string;
  readonly ok: boolean;
  readonly error?: string;
  readonly message?: string;
  /** Seconds since 1970. */
  readonly started: number;
  readonly files: number;
  readonly deleted: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** The results of all pushes so far, oldest first. */
export function pushResults(cloud: LocalCloud, id?: string): readonly PushResult[] {
  return cloud
    .commands({ document: 'PushDocument' })
    .flatMap(({ invocations }) => invocations.flatMap(({ steps }) => steps.map(({ stdout }) => stdout)))
    .flatMap(parseResults)
    .filter((result) => id === undefined || result.id === id);
}

/** What stands in the output of pushes. */
export function parseResults(stdout: string): readonly PushResult[] {
  return stdout.split('\n').flatMap(parseLine);
}

function parseLine(line: string): readonly PushResult[] {
  try {
    const result: PushResult = JSON.parse(line);
    return result.kind === 'secondary' ? [result] : [];
  } catch {
    return [];
  }
}

/**
 * Waits until every one of these secondaries has received everything that the primary holds now.
 *
 * @returns for each, the push that did it
 */
export async function waitForSync(
  cloud: LocalCloud,
  ids: readonly string[],
  timeoutSeconds = 60,
): Promise<readonly PushResult[]> {
  const since = Date.now() / 1000;
  return cloud.waitFor(
    () => {
      const found = ids.flatMap(
        (id) => pushResults(cloud, id).find(({ ok, started }) => ok && started >= since) ?? [],
      );
      return found.length === ids.length ? found : undefined;
    },
    { what: `a whole push to ${ids.join(', ')}`, timeoutSeconds },
  );
}
