import type { FailedSecondary } from '../model/push-event-details.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { mostNamed } from './alert-text.ts';

/** What to do about each kind of error, for all hosts that have it. */
export function remediesOfAll(secondaries: readonly FailedSecondary[], primary: string): readonly string[] {
  const byError = Map.groupBy(secondaries, ({ error }) => error);
  return [...byError].flatMap(([error, failed]) => {
    const steps = remedies(
      failed.map(({ secondary }) => secondary),
      error,
      primary,
    );
    return byError.size === 1 ? steps : steps.map((step) => `${error}: ${step}`);
  });
}

/** What to do about an error of docs/host-package.md, with the commands. */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: one case for each error, and nothing else
export function remedies(hosts: readonly string[], error: string, primary: string): readonly string[] {
  const own = hosts.filter((id) => /^m?i-/u.test(id));
  const external = hosts.filter((id) => !own.includes(id));
  const all = enumerate(hosts, ', ');
  const resources = own.slice(0, mostNamed).join(' ');
  const forOwn = (...steps: readonly string[]) => (own.length > 0 ? steps : []);
  const forExternal = (...steps: readonly string[]) => (external.length > 0 ? steps : []);
  const session = sessionOn(hosts);
  switch (error) {
    case 'unreachable':
    case 'timeout':
      return [
        ...forOwn(`see what EC2 says of it: ${statusOf(resources)}`),
        ...forExternal(`see whether ${enumerate(external, ', ')} is up and reached from ${primary}`),
        `see whether the security group of ${all} lets ${primary} reach the SSH port`,
        'terminate a host that is not needed any more: it then leaves the group by itself',
      ];
    case 'host-key-changed':
      return [
        'if the host was not rebuilt, somebody may stand in its place: find out first',
        ...forOwn(
          `if it was rebuilt, have it join again: aws ec2 delete-tags --resources ${resources} --tags Key=${tagKeys.hostKey}`,
        ),
        ...forExternal(
          `if it was rebuilt, run join there and put its new key into /etc/hostsync/known_hosts on ${primary}`,
        ),
      ];
    case 'host-key-unknown':
      return [`put its host key into /etc/hostsync/known_hosts on ${primary}, under the name ${all}`];
    case 'key-refused':
    case 'not-prepared':
      return [
        ...forOwn(
          `have it join again: aws ec2 delete-tags --resources ${resources} --tags Key=${tagKeys.joined}`,
        ),
        ...forExternal(`run join on ${enumerate(external, ', ')} with the public key of ${primary}`),
      ];
    case 'disk-full':
      return [`make room there: ${session}, then df -h and df -i`];
    case 'permission-denied':
    case 'partial':
      return [
        `look at the file that the message names, there and on ${primary}: ${session}, then ls -la; all else arrived`,
      ];
    default:
      return [
        `see what the last pushes said: aws ssm list-command-invocations --instance-id ${primary} --details --max-items 3`,
        `and look at the host: ${session}`,
      ];
  }
}

/** How to get a shell on the first of these hosts, and which others need it as well. */
export function sessionOn([first = '', ...others]: readonly string[]): string {
  const way = /^m?i-/u.test(first) ? `aws ssm start-session --target ${first}` : `log in to ${first}`;
  return others.length === 0 ? way : `${way} (and the same on ${enumerate(others, ', ')})`;
}

/** The first ten, and how many more there are. */
function enumerate(ids: readonly string[], separator: string): string {
  const named = ids.slice(0, mostNamed).join(separator);
  return ids.length > mostNamed ? `${named}${separator}… (${ids.length - mostNamed} more)` : named;
}

/** The commands that name what a former primary has listed for its rescue. Source: docs/host-package.md, `stranded`. */
export function filesThatWait(instance: string): string {
  return `aws ssm start-session --target ${instance}, then cat /var/lib/hostsync/stranded/*.list | tr '\\0' '\\n'`;
}

/** The command that says what EC2 knows of a host. */
export function statusOf(instance: string): string {
  return `aws ec2 describe-instance-status --include-all-instances --instance-ids ${instance}`;
}
