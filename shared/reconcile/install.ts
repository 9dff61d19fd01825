import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from '../aws/errors.ts';
import { observeCommands, sendInstall } from '../aws/ssm.ts';
import type { Observation, ObservedCommand } from '../core/model/observation.ts';
import type { InstallPlan } from '../core/model/release.ts';
import { tagKeys } from '../core/model/tag-keys.ts';
import { pushAgain } from './carry-out-watch.ts';
import type { Tools } from './tools.ts';

/** Milliseconds that a wave may take. Who is late is asked again by a later look. */
const longestWait = 15_000;
const pause = 500;
/** The most hosts of one command. Source: API reference of SSM, SendCommand. */
const mostHosts = 50;
/** A command that names one host which SSM does not know fails as a whole. Source: API model of SSM, SendCommand. */
const oneIsBad = new Set(['InvalidInstanceId']);

/** What became of an installation on each of the hosts. */
export interface Installed {
  readonly done: readonly string[];
  /** By host: why not, in the host's or SSM's words. */
  readonly failed: ReadonlyMap<string, string>;
}

/**
 * Brings the package to hosts that lack it, one wave after the other, and takes back the tasks that they could not do, so that the next look
 * asks for those again. May be carried out twice without harm.
 */
export async function carryOutInstall(
  group: string,
  plan: InstallPlan,
  observed: Observation,
  tools: Tools,
): Promise<Installed> {
  const done: string[] = [];
  const failed = new Map<string, string>();
  for (const wave of plan.waves) {
    const answers = await installOn(group, wave, tools);
    for (const id of wave) {
      const of = answers.filter(({ instance }) => instance === id);
      const problem = problemOf(of);
      if (problem === undefined) done.push(id);
      else failed.set(id, problem);
    }
  }
  const repeated = [...plan.tasks].flatMap(([id, host]) => (done.includes(host) ? [id] : []));
  await Promise.all(repeated.map((id) => tools.marks.remove(id, [tagKeys.task])));
  if (plan.unpushed !== undefined && done.includes(plan.unpushed)) await pushAgain(group, observed, tools);
  return { done, failed };
}

/** Why the parts that came to a host did not install the package. */
function problemOf(answers: readonly ObservedCommand[]): string | undefined {
  const lines = answers.flatMap((each) => each.lines);
  if (lines.some((line) => line.kind === 'install' && line.installed)) return undefined;
  const said = lines.find((line) => line.kind === 'error');
  if (said?.kind === 'error') return `${said.error}: ${said.message}`;
  const late = answers.length === 0 || answers.some(({ status }) => status === 'under-way');
  return late
    ? 'the host has not answered yet'
    : (answers.find(({ status }) => status === 'failed')?.detail ?? 'no answer');
}

async function installOn(
  group: string,
  hosts: readonly string[],
  { clients: { ssm }, documents }: Tools,
): Promise<readonly ObservedCommand[]> {
  const commands = await send(hosts);
  const until = Date.now() + longestWait;
  for (;;) {
    await sleep(pause);
    const answers = await observeCommands(
      ssm,
      commands.map((command) => ({ command, instance: undefined })),
    );
    const isOver = answers.length >= hosts.length * documents.install.length;
    if ((isOver && answers.every(({ status }) => status !== 'under-way')) || Date.now() >= until)
      return answers;
  }

  async function send(wave: readonly string[]): Promise<readonly string[]> {
    if (wave.length > mostHosts)
      return [...(await send(wave.slice(0, mostHosts))), ...(await send(wave.slice(mostHosts)))];
    try {
      return await sendInstall(ssm, documents.install, wave, `hostsync install, group ${group}`);
    } catch (error) {
      if (!hasCode(error, oneIsBad) || wave.length === 1) throw error;
      return (await Promise.all(wave.map((id) => send([id])))).flat();
    }
  }
}
