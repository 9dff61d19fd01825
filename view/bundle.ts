import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';

export interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

const page = join(import.meta.dirname, 'page');

/** The files of the page, by path. Made in memory at each start: nothing that was built before can be old. */
export async function bundlePage(): Promise<ReadonlyMap<string, Asset>> {
  const chart = createRequire(import.meta.url).resolve('uplot/dist/uPlot.min.css');
  const [html, style, chartStyle, script] = await Promise.all([
    readFile(join(page, 'index.html')),
    readFile(join(page, 'style.css')),
    readFile(chart),
    bundleScript(),
  ]);
  return new Map([
    ['/', { type: 'text/html; charset=utf-8', body: html }],
    ['/style.css', { type: 'text/css; charset=utf-8', body: Buffer.concat([chartStyle, style]) }],
    ['/main.js', { type: 'text/javascript; charset=utf-8', body: script }],
  ]);
}

async function bundleScript(): Promise<Buffer> {
  const { outputFiles } = await build({
    entryPoints: [join(page, 'main.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    logLevel: 'silent',
  });
  const [script] = outputFiles;
  if (script === undefined) throw new Error('esbuild made no script of the page.');
  return Buffer.from(script.contents);
}
