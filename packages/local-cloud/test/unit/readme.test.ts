import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { samplePackage } from './sample-package.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));

test('the examples of the README run as they stand there', { timeout: 240_000 }, async () => {
  const readme = await readFile(join(project, 'README.md'), 'utf8');
  const [scenario = '', ...more] = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(
    ([, code]) => code ?? '',
  );
  // what stands further down goes on where the first example looks at what has happened
  const lines = more.flatMap((code) => code.split('\n'));
  const isImport = (line: string): boolean => line.startsWith('import ');
  const statements = lines.filter((line) => !isImport(line)).join('\n');
  const example = [
    ...lines.filter(isImport),
    scenario.replace(/\n {2}for \(const run/, (found) => `\n${statements}${found}`),
  ].join('\n');
  const directory = await samplePackage({
    statements: [{ Effect: 'Allow', Action: 'ec2:DescribeInstances', Resource: '*' }],
  });
  // a real fleet needs a sandbox; everything else is as it stands
  const script = example
    .replace("'local-cloud/hosts'", JSON.stringify(pathToFileURL(join(import.meta.dirname, 'fake-fleet.ts'))))
    .replace('{ openFleet }', '{ openFakeFleet as openFleet }')
    .replace("'local-cloud'", JSON.stringify(import.meta.resolve('local-cloud')))
    .replace(
      "'@aws-sdk/client-auto-scaling'",
      JSON.stringify(import.meta.resolve('@aws-sdk/client-auto-scaling')),
    )
    .replace("'.package'", JSON.stringify(directory));
  const file = join(directory, 'scenario.ts');
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  await writeFile(file, script);
  const child = spawn(process.execPath, [file], { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  const code = await new Promise((resolve) => child.once('close', resolve));
  await rm(directory, { recursive: true, force: true });
  expect(said).toContain('SyncEventsRuleSchedule1 success 1 lines');
  expect(said).toContain('Tag Change on Resource');
  expect(said).toContain('"state":"stopped"');
  expect(said).toContain("'192.0.2.11' ] [");
  expect(said).toMatch(/Pending, Pending:Wait, .*InService/);
  expect(code).toBe(0);
});
