import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runPython } from './package.ts';

const directory = new URL('./python/', import.meta.url);

/** Tests of the package's modules that are closer to Python than to what a host does: unittest, one module each. */
it.each(readdirSync(directory).filter((name) => /^test_.*\.py$/u.test(name)))('%s', (name) => {
  const { code, stderr } = runPython(
    `import unittest
sys.path.insert(0, sys.argv[1])
sys.argv[1:] = []
unittest.main(module=${JSON.stringify(name.replace(/\.py$/u, ''))})`,
    [directory.pathname],
  );
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/^Ran [1-9]\d* tests? in/mu);
});
