import { encodeRequest } from '../../shared/aws/ssm.ts';
import { parseConfiguration } from '../../shared/core/model/group.ts';
import type { PromotionObservation } from '../../shared/core/model/observation.ts';
import { epochOf, findPrimary } from '../../shared/core/model/primary.ts';
import { formatDoctorRequest } from '../../shared/core/model/request.ts';
import { tagKeys } from '../../shared/core/model/tag-keys.ts';
import type { HostAnswer, Known } from '../../shared/core/operator/doctor-facts.ts';
import { askHosts, type Question } from '../ask-hosts.ts';
import type { Session } from '../session.ts';

/** Seconds. A host whose agent is busy answers late. */
const timeout = 60;

/** Has each host of a group whose agent is online look at itself. Of the others, the agent is the finding. */
export async function askDoctor(
  session: Session,
  group: string,
  observed: PromotionObservation,
): Promise<ReadonlyMap<string, Known<HostAnswer>>> {
  const online = new Set(observed.agents.filter((each) => each.online).map(({ id }) => id));
  const members = observed.instances.filter(
    ({ id, tags }) => tags[tagKeys.group] === group && online.has(id),
  );
  const document = session.deployment.environment['HOSTSYNC_DOCTOR_DOCUMENT'];
  if (document === undefined) {
    const reason = 'the deployment is of a release whose hosts cannot be asked; deploy this one';
    return new Map(members.map(({ id }) => [id, { known: false, reason }]));
  }
  const { current } = findPrimary(members);
  const configuration = current === undefined ? undefined : parseConfiguration(current);
  const questions = members.map(({ id }): Question => {
    const request = formatDoctorRequest({
      group,
      epoch: (current && epochOf(current)) ?? 1,
      holder: current?.id,
      directories: configuration?.ok === true ? configuration.value.directories : [],
      role: id === current?.id ? 'primary' : 'secondary',
    });
    return {
      instance: id,
      document,
      comment: `hostsync doctor, group ${group}`,
      parameters: { request: [encodeRequest(request)] },
    };
  });
  return askHosts(session, questions, timeout);
}
