import { readdirSync } from 'node:fs';
import { it } from 'vitest';
import { startPython } from './package.ts';

const directory = new URL('./python/', import.meta.url);

/** Tests of the package's modules that are closer to Python than to what a host does: unittest, one module each. They wait more than they work. */
it.concurrent.for(readdirSync(directory).filter((name) => /^test_.*\.py$/u.test(name)))(
  '%s',
  async (name, { expect }) => {
    const { code, stderr } = await startPython(
      `import unittest
sys.path.insert(0, sys.argv[1])
sys.argv[1:] = []
unittest.main(module=${JSON.stringify(name.replace(/\.py$/u, ''))})`,
      [directory.pathname],
    );
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/^Ran [1-9]\d* tests? in/mu);
  },
);
