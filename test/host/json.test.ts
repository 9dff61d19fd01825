import fc from 'fast-check';
import { expect, it } from 'vitest';
import { lines, runPython } from './package.ts';

/** Each text as the commands write it into their output. */
function quoted(texts: readonly (string | Uint8Array)[], field = 'reason'): string[] {
  const encoded = texts.map((text) => `${Buffer.from(text).toString('base64')}\n`).join('');
  const { stdout, code, stderr } = runPython(
    `import base64
from hostsync_host import results
for line in sys.stdin:
    print(results.to_json({sys.argv[1]: base64.b64decode(line)})[len(sys.argv[1]) + 4:-1])`,
    [field],
    encoded,
  );
  expect(code, stderr).toBe(0);
  return lines(stdout);
}

const printable = /^"[\x20-\x7e]*"$/;

it('writes every text as a JSON string of printable ASCII that means the same', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 }).filter((each) => !each.includes('\0'));
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 40 }), (texts) => {
      const results = quoted(texts);
      expect(results.map((each) => JSON.parse(each))).toEqual(texts);
      for (const result of results) expect(result).toMatch(printable);
    }),
    { numRuns: 15 },
  );
});

it('writes any bytes as valid JSON: a file name need not be UTF-8', () => {
  const bytes = fc.uint8Array({ min: 1, maxLength: 60 });
  fc.assert(
    fc.property(fc.array(bytes, { minLength: 1, maxLength: 40 }), (each) => {
      for (const result of quoted(each)) {
        expect(result).toMatch(printable);
        expect(typeof JSON.parse(result)).toBe('string');
      }
    }),
    { numRuns: 15 },
  );
});

it.each([
  ['quotes and backslashes', '"\\"', '"\\"\\\\\\""'],
  ['control characters', 'a\n\t\r\x1b\x7f', '"a\\n\\t\\r\\u001b\\u007f"'],
  ['two, three and four bytes', 'ü€😀', '"\\u00fc\\u20ac\\ud83d\\ude00"'],
  ['a lone byte', Uint8Array.of(0xff), '"\\ufffd"'],
  ['an unfinished character', Uint8Array.of(0xe2, 0x82), '"\\ufffd"'],
  ['an overlong one', Uint8Array.of(0xc0, 0x80), '"\\ufffd\\ufffd"'],
  ['a surrogate', Uint8Array.of(0xed, 0xa0, 0x80), '"\\ufffd\\ufffd\\ufffd"'],
  ['one beyond Unicode', Uint8Array.of(0xf4, 0x90, 0x80, 0x80), '"\\ufffd\\ufffd\\ufffd\\ufffd"'],
  ['nothing', '', '""'],
])('%s', (_name, text, expected) => {
  expect(quoted([text])).toEqual([expected]);
});

it('cuts a message so that it is still JSON, and says that it was cut', () => {
  const texts = ['x'.repeat(300), 'x'.repeat(301), 'ü'.repeat(400), '"'.repeat(400), '😀'.repeat(100)];
  const results = quoted(texts, 'message');
  for (const result of results) {
    expect(result.length).toBeLessThanOrEqual(302);
    expect(() => JSON.parse(result)).not.toThrow();
  }
  expect(results.map((result) => JSON.parse(result).endsWith('...'))).toEqual([
    false,
    true,
    true,
    true,
    true,
  ]);
});
