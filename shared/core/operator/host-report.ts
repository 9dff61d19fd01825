import type { HostCheck, HostReport } from './doctor-facts.ts';

/**
 * What the host command `doctor` printed (docs/host-package.md). A line of another kind, or of none, is passed over: SSM cuts long output
 * off in the middle of a line.
 */
export function parseHostReport(output: string): HostReport {
  const lines = parseLines(output);
  const host = lines.find((fields) => fields.get('kind') === 'host');
  const failed = lines.find((fields) => fields.get('kind') === 'error');
  const now = host?.get('now');
  return {
    checks: lines.flatMap((fields) => parseCheck(fields) ?? []),
    now: typeof now === 'number' ? now * 1000 : undefined,
    owners: textsOf(host?.get('owners')),
    problem: failed && {
      error: textOf(failed.get('error')) ?? 'error',
      message: textOf(failed.get('message')) ?? '',
    },
  };
}

type Fields = ReadonlyMap<string, unknown>;

/** The JSON objects of an output, a line each; of a line that is none, nothing. */
export function parseLines(output: string): readonly Fields[] {
  return output.split('\n').map(parseObject);
}

function parseCheck(fields: Fields): HostCheck | undefined {
  if (fields.get('kind') !== 'check') return undefined;
  const [check, level, what] = ['check', 'level', 'what'].map((key) => fields.get(key));
  if (typeof check !== 'string' || typeof what !== 'string') return undefined;
  if (level !== 'ok' && level !== 'unknown' && level !== 'warning' && level !== 'error') return undefined;
  return { check, level, what, why: textOf(fields.get('why')), mend: textOf(fields.get('mend')) };
}

function parseObject(line: string): Fields {
  try {
    const parsed: unknown = JSON.parse(line);
    return new Map(typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : []);
  } catch {
    return new Map();
  }
}

function textsOf(value: unknown): ReadonlyMap<string, string> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return new Map(entries.flatMap(([key, text]) => (typeof text === 'string' ? [[key, text] as const] : [])));
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
