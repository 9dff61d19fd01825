import { vi } from 'vitest';

// In place of node:timers/promises: waits take no time, and time passes all the same.

vi.useFakeTimers({ toFake: ['Date'] });

export async function setTimeout(milliseconds: number): Promise<void> {
  vi.setSystemTime(Date.now() + milliseconds);
}
