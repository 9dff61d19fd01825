/** A person, or the system, ends the run. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

/** Seconds in which a second signal is the first one again: a terminal sends it to each process, and npm hands it on. */
const sameSignalSeconds = 2;

/**
 * Turns the signals of this process into an abort, so that everything is removed before it ends.
 *
 * @param onFirst says what happens now
 * @param onSecond a person does not want to wait for that; the process ends after it
 */
export function openInterruption(onFirst: () => void, onSecond: () => void): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  const listen = (signal: NodeJS.Signals) => {
    if (first === undefined) {
      first = Date.now();
      onFirst();
      controller.abort(new InterruptedError('interrupted'));
      return;
    }
    // Only a person presses Ctrl-C twice; the others come again and again while a parent is gone
    if (signal !== 'SIGINT' || Date.now() - first < sameSignalSeconds * 1000) return;
    onSecond();
    process.exit(130);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, listen);
  return controller.signal;
}
