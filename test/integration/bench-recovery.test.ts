import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RecoveryBench } from '../../bench/recovery/measure.ts';

// docs/failures.md promises these times to whoever decides for hostsync: what measures them must see a promotion, and all of its ends.
it('a stop is measured in the order in which it is answered, and no file is missing', async () => {
  const bench = await RecoveryBench.open(join('.hostsync', 'package'));
  try {
    const run = await bench.run({ kind: 'stop', phase: 5, secondaries: 2, files: 20 });
    const { tag, name, complete, 'files flow': flow } = run.seconds;
    expect(tag).toBeGreaterThan(0);
    expect(name).toBeGreaterThanOrEqual(tag);
    expect(complete).toBeGreaterThanOrEqual(name);
    expect(flow).toBeGreaterThan(tag);
    expect(run.differences).toEqual([]);
  } finally {
    await bench.close();
  }
});
