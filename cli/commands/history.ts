import { describeIntention } from '../../shared/core/model/intention.ts';
import { duration } from '../../shared/core/model/time.ts';
import type {
  HostOverview,
  IncidentOverview,
  PromotionOverview,
} from '../../shared/core/operator/overview.ts';
import { observe } from '../observe.ts';
import type { CommonOptions } from '../options.ts';
import { tsvLine } from '../output/table.ts';
import type { Session } from '../session.ts';

export interface HistoryOptions extends CommonOptions {
  readonly group?: string;
}

interface Entry {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly kind: 'promotion' | 'incident' | 'observed';
  readonly code: string;
  readonly host: string;
  readonly text: string;
}

const symbolOf = { promotion: 'ok', incident: 'attention', observed: 'held' } as const;

/** Who was primary when and why, and what is wrong since when: the newest first. */
export async function history(session: Session, options: HistoryOptions): Promise<number> {
  const group = await session.group(options.group);
  const { overview } = await observe(session, group);
  const names = new Map(overview.hosts.map((host) => [host.id, host.name ?? host.id]));
  const label = (id: string): string => names.get(id) ?? id;
  const entries = [
    ...overview.promotions.map((promotion) => promotionEntry(promotion, label, session.terminal.arrow)),
    ...overview.incidents.map((incident) => incidentEntry(incident, overview.hosts, overview.at)),
    ...overview.intentions.map(
      (each): Entry => ({
        at: each.since,
        kind: 'observed',
        code: each.kind,
        host: each.hosts.join(' '),
        text: `would ${describeIntention(each)}`,
      }),
    ),
  ].sort((a, b) => b.at - a.at);
  const { terminal } = session;
  // What could not be read is missing from the list
  for (const { message } of overview.attention.filter(({ code }) => code === 'unknown'))
    terminal.say(`${terminal.symbol('attention')} ${message}`);
  if (options.output === 'json') terminal.print(JSON.stringify(entries, undefined, 2));
  else if (options.output === 'tsv')
    for (const { at, kind, code, host, text } of entries)
      terminal.print(tsvLine([new Date(at).toISOString(), kind, code, host, text]));
  else
    for (const { at, kind, text } of entries) {
      const time = new Date(at).toISOString().slice(0, 16).replace('T', ' ');
      terminal.print(`  ${time}  ${terminal.symbol(symbolOf[kind])} ${text}`);
    }
  return 0;
}

function promotionEntry(
  { epoch, to, from, kind, why, at }: PromotionOverview,
  label: (id: string) => string,
  arrow: string,
): Entry {
  const who = from === null ? label(to) : `${label(from)} ${arrow} ${label(to)}`;
  return {
    at,
    kind: 'promotion',
    code: kind,
    host: to,
    text: `${who}: ${kind}, epoch ${epoch} (${why})`,
  };
}

function incidentEntry(
  { code, host, since, notified }: IncidentOverview,
  hosts: readonly HostOverview[],
  now: number,
): Entry {
  const name = hosts.find(({ id }) => id === host)?.name ?? host ?? '';
  const told = notified ? '' : ', not notified yet';
  const text = `${name === '' ? '' : `${name}: `}${code}, for ${duration(Math.round((now - since) / 1000))}${told}`;
  return { at: since, kind: 'incident', code, host: host ?? '', text };
}
