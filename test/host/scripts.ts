import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The scripts that run on hosts, without `.sh`. */
export const scripts = ['push', 'join', 'promote', 'leave', 'rescue', 'probe'] as const;
export type Script = (typeof scripts)[number];

export const libraryPath = fileURLToPath(new URL('../../host/request.sh', import.meta.url));

export function scriptText(name: Script | 'request' | 'transfer'): string {
  return readFileSync(new URL(`../../host/${name}.sh`, import.meta.url), 'utf8');
}

/** What a script sources, in this order. */
export function sourcedTexts(name: Script): readonly string[] {
  const transfer = name === 'push' || name === 'leave' || name === 'rescue' ? [scriptText('transfer')] : [];
  return [scriptText('request'), ...transfer];
}

/**
 * A script's functions, with those that it sources beside host/request.sh: its text without its last two lines, which
 * read the request and begin the work.
 */
export function scriptFunctions(name: Script): string {
  const own = scriptText(name).trimEnd().split('\n').slice(0, -2);
  return [...sourcedTexts(name).slice(1), ...own].join('\n');
}

export interface BashResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs text in a bash that has read host/request.sh, with nothing in its environment. */
export function runBash(
  text: string,
  args: readonly string[] = [],
  stdin: string | Uint8Array = '',
): BashResult {
  const program = `. "$0"\n${text}\nfinish 0\n`;
  const { status, stdout, stderr, error } = spawnSync(
    'bash',
    ['--norc', '-c', program, libraryPath, ...args],
    {
      input: stdin,
      env: {},
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  if (error !== undefined) throw error;
  return { code: status, stdout, stderr };
}

export function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** An Ed25519 public key; its private half is nowhere. */
export const key = 'AAAAC3NzaC1lZDI1NTE5AAAAINq2S3iJ4eZQ9txlvDYfpsAKUH5Ni65lTqlBtLWeUYjM';
