import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { samplePackage } from './sample-package.ts';

const project = fileURLToPath(new URL('../../../', import.meta.url));

test('the scenario of local/README.md runs as it stands there', { timeout: 30_000 }, async () => {
  const readme = await readFile(join(project, 'local/README.md'), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const directory = await samplePackage({
    statements: [{ Effect: 'Allow', Action: 'ec2:DescribeInstances', Resource: '*' }],
  });
  // a real fleet needs a world; everything else is as it stands
  const script = example
    .replace(
      "'./local/hosts/host.ts'",
      JSON.stringify(pathToFileURL(join(import.meta.dirname, 'fake-fleet.ts'))),
    )
    .replace('{ openFleet }', '{ openFakeFleet as openFleet }')
    .replace("'./local/cloud.ts'", JSON.stringify(pathToFileURL(join(project, 'local/cloud.ts'))))
    .replace("'.hostsync/package'", JSON.stringify(directory));
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
  expect(code).toBe(0);
});
