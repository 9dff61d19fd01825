import * as v from 'valibot';
import type { Look, Style } from '../terminal.ts';

export interface LogLine {
  /** The function that wrote it. */
  readonly source: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly level: string;
  readonly message: string;
  readonly action?: string | undefined;
  readonly outcome?: string | undefined;
}

const lineSchema = v.object({
  level: v.string(),
  message: v.string(),
  action: v.optional(v.string()),
  outcome: v.optional(v.string()),
});

/** A line that the service logged; undefined for what Lambda itself writes. */
export function parseLogLine(source: string, at: number, text: string): LogLine | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), lineSchema), text);
  return parsed.success ? { source, at, ...parsed.output } : undefined;
}

const colors: Readonly<Record<string, Style>> = {
  WARN: 'yellow',
  ERROR: 'red',
  CRITICAL: 'red',
  INFO: 'dim',
};

/** One line, whatever the message holds. */
export function renderLogLine(
  { source, at, level, message, action, outcome }: LogLine,
  { style }: Look,
): string {
  const time = new Date(at).toISOString().slice(5, 19).replace('T', ' ');
  const did = [action, outcome].filter((each) => each !== undefined).join(' ');
  const mark = style(colors[level] ?? 'red', level.padEnd(5));
  const text = message.replaceAll(/\p{Cc}+/gu, ' ');
  return `${time}  ${mark}  ${source.padEnd(14)}  ${did === '' ? '' : `${style('bold', did)}: `}${text}`;
}
