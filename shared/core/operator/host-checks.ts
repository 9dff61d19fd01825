import { type Finding, fault, type HostCheck, type Known, ok, unknown } from './doctor-facts.ts';

/** The checks among the lines of an output; a line of another kind, or of none, is no check. */
export function parseHostChecks(output: string): readonly HostCheck[] {
  return output.split('\n').flatMap((line) => parseHostCheck(line) ?? []);
}

function parseHostCheck(line: string): HostCheck | undefined {
  const fields = parseObject(line);
  if (fields.get('kind') !== 'check') return undefined;
  const [check, level, what] = ['check', 'level', 'what'].map((key) => fields.get(key));
  if (typeof check !== 'string' || typeof what !== 'string') return undefined;
  if (level !== 'ok' && level !== 'warning' && level !== 'error') return undefined;
  return { check, level, what, why: textOf(fields.get('why')), mend: textOf(fields.get('mend')) };
}

function parseObject(line: string): ReadonlyMap<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(line);
    return new Map(typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : []);
  } catch {
    return new Map();
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** @param hosts undefined where no host was asked: then nothing is found, and whoever shows it says so */
export function findOnHosts(
  hosts: ReadonlyMap<string, Known<readonly HostCheck[]>> | undefined,
): readonly Finding[] {
  return [...(hosts ?? [])].flatMap(([id, checks]) => {
    if (!checks.known) return unknown('host', id, checks.reason);
    if (checks.value.length === 0) return unknown('host', id, 'the host says nothing of itself');
    return checks.value.map(({ check, level, ...words }) =>
      level === 'ok' ? ok(`host-${check}`, id, words.what) : fault(level, `host-${check}`, id, words),
    );
  });
}
