import { composeAlert } from '../../../shared/core/incidents/compose-alert.ts';
import { instanceId } from './fixtures.ts';
import { Run, SimulatedFailover, settle, tickOf } from './simulated-failover.ts';

/** A line of a transcript cannot be read. */
export class TranscriptError extends Error {
  override readonly name = 'TranscriptError';
}

/**
 * Plays a story and writes down what hostsync decides, and why. A story is blocks of orders, each with what came of it below `----`; lines
 * that begin with `#` are for the reader. The orders are in test/unit/core/transcripts/README.md.
 *
 * @param text a transcript; what is below `----` does not matter
 * @returns the same story with what came of it now
 * @throws {TranscriptError} for an order that there is not
 */
export function play(text: string): string {
  const story = new Story();
  const blocks = text.trim().split(/\n\n+/u);
  return `${blocks.map((block) => playBlock(block, story)).join('\n\n')}\n`;
}

function playBlock(block: string, story: Story): string {
  const [orders = ''] = block.split('\n----');
  const lines = orders.split('\n');
  if (lines.every((line) => line.startsWith('#'))) return orders;
  const said = lines.flatMap((line) => (line.startsWith('#') ? [] : story.obey(line)));
  return [orders, '----', ...said].join('\n');
}

const shortened = (text: string): string =>
  text.replaceAll(
    /i-0*([0-9a-f]+)(?![0-9a-f])/gu,
    (_, digits: string) => `host-${Number.parseInt(digits, 16)}`,
  );

class Story {
  #group = new SimulatedFailover(1);
  #began = 0;
  #notifications = 0;

  obey(line: string): readonly string[] {
    const [order = '', ...words] = line.trim().split(/ +/u);
    const [who = ''] = words;
    const id = instanceId(Number(who));
    const group = this.#group;
    switch (order) {
      case 'group':
        return this.#start(Number(who), words.slice(1));
      case 'stop':
      case 'hang':
      case 'recover':
      case 'terminate':
        group[order](id);
        return [];
      case 'launch':
        group.add(Number(who));
        return [];
      case 'scale-in':
        group.lifecycles.set(id, { id, autoScalingGroup: 'asg', state: 'Terminating:Wait' });
        return [];
      case 'tag':
        group.tag(id, Object.fromEntries([pair(words.slice(1).join(' '))]));
        return [];
      case 'untag':
        group.untag(
          id,
          words.slice(1).map((key) => `hostsync:${key}`),
        );
        return [];
      case 'break':
        group.host(id).joinFails = words.slice(1).join(' ');
        return [];
      case 'mend':
        group.host(id).joinFails = undefined;
        return [];
      case 'mail':
        return this.#lastAlert();
      case 'upload':
        return [group.upload() ?? 'no primary takes it'];
      case 'claim':
        return this.#killAfterClaim();
      case 'forget':
        group.claims.clear();
        group.mirror = undefined;
        group.mirrorDigest = undefined;
        return [];
      case 'wait':
        group.advance(Number(who));
        return [];
      case 'tick':
        return Array.from({ length: Number(who || 1) }, () => this.#tick()).flat();
      case 'hosts':
        return this.#hosts();
      default:
        throw new TranscriptError(`"${line}" is no order`);
    }
  }

  #start(hosts: number, settings: readonly string[]): readonly string[] {
    const given = settings.map((word) => word.split('='));
    const own = given.map(([key = '', value = '']) => [key, /^\d+$/u.test(value) ? Number(value) : value]);
    this.#group = new SimulatedFailover(hosts, Object.fromEntries(own));
    settle(this.#group);
    this.#group.upload();
    settle(this.#group);
    this.#began = this.#group.now;
    this.#notifications = this.#group.notifications.length;
    return this.#hosts();
  }

  /** A minute: its tick, and looks while something moves. */
  #tick(): readonly string[] {
    const group = this.#group;
    const minute = tickOf(group);
    const said: string[] = [];
    for (let third = 0; third < 3; third += 1) {
      const runs = (['promotion', 'membership'] as const).map(
        (kind) => new Run(group, kind, third === 0 ? minute : undefined),
      );
      for (const run of runs) run.finish();
      new Run(group, 'push').finish();
      said.push(...this.#stamped(runs.flatMap(({ planned }) => planned)), ...this.#alerts());
      group.advance(20);
    }
    return said;
  }

  /** A run that is killed right after its claim. */
  #killAfterClaim(): readonly string[] {
    const run = new Run(this.#group, 'promotion', tickOf(this.#group));
    const before = this.#group.claims.size;
    for (let step = 0; step < 20 && this.#group.claims.size === before; step += 1) run.step();
    return this.#stamped(run.planned);
  }

  #stamped(lines: readonly string[]): readonly string[] {
    return lines.map((line) => `${this.#time()}  ${shortened(line)}`);
  }

  #alerts(): readonly string[] {
    const fresh = this.#group.notifications.slice(this.#notifications);
    this.#notifications += fresh.length;
    const alerts = fresh.flatMap((event) => composeAlert(event, this.#group.now)?.subject ?? []);
    return this.#stamped(alerts.map((subject) => `ALERT ${subject}`));
  }

  #lastAlert(): readonly string[] {
    const alerts = this.#group.notifications.flatMap((event) => composeAlert(event, this.#group.now) ?? []);
    return shortened(alerts.at(-1)?.body ?? 'none')
      .trimEnd()
      .split(/\n+/u);
  }

  #time(): string {
    const seconds = Math.round((this.#group.now - this.#began) / 1000);
    return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
  }

  #hosts(): readonly string[] {
    return [...this.#group.machines].map(([id, { state, tags }]) => {
      const epoch = tags['hostsync:primary'];
      const role = epoch === undefined ? (tags['hostsync:state'] ?? 'new') : `primary of epoch ${epoch}`;
      const files = [...this.#group.host(id).files].join(' ');
      return `${shortened(id)}: ${state}, ${role}; has ${files === '' ? 'nothing' : files}`;
    });
  }
}

function pair(text: string): readonly [string, string] {
  const [key = '', ...value] = text.split('=');
  return [
    `hostsync:${key}`,
    value.join('=').replaceAll(/host-(\d+)/gu, (_, number: string) => instanceId(Number(number))),
  ];
}
