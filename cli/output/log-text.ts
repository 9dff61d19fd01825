import type { Terminal } from '../terminal.ts';

/** One line that a function logged. */
export interface LogEntry {
  readonly at: string;
  readonly level: string;
  readonly function: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Fields that every line has, or that the line itself shows. */
const dropped: ReadonlySet<string> = new Set([
  ...['level', 'message', 'timestamp', 'service', 'sampling_rate', 'cold_start', 'function_arn', 'group'],
  ...['function_memory_size', 'function_name', 'function_request_id', 'xray_trace_id', 'correlation_id'],
  'reason',
]);

/** A line of Powertools' logger; undefined for anything else, such as what the runtime says. */
export function parseLogLine(line: string, name: string): LogEntry | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(parsed));
  const [level, message, timestamp] = ['level', 'message', 'timestamp'].map((key) => fields.get(key));
  if (typeof level !== 'string' || typeof message !== 'string') return undefined;
  return {
    at: typeof timestamp === 'string' ? timestamp : '',
    level,
    function: name,
    message,
    fields: Object.fromEntries([...fields].filter(([key]) => !dropped.has(key))),
  };
}

const symbolOf: Readonly<Record<string, 'attention' | 'behind' | 'ok'>> = {
  ERROR: 'attention',
  WARN: 'behind',
};

/** Time, function, message, and what else the line holds. */
export function logText(
  { at, level, function: name, message, fields }: LogEntry,
  terminal: Terminal,
): string {
  const more = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  const symbol = terminal.symbol(symbolOf[level] ?? 'ok');
  return `${at.slice(0, 19).replace('T', ' ')} ${symbol} ${name.padEnd(14)} ${message}${more === '' ? '' : terminal.style('dim', `  ${more}`)}`;
}
