import { tagPrefix } from '../model/tag-prefix.ts';
import { type DeploymentFacts, type Finding, fault, ok, unknown } from './doctor-facts.ts';

/** What is wrong with the deployment, for all of its groups. */
export function findInDeployment(facts: DeploymentFacts): readonly Finding[] {
  return [...findSubscriptions(facts), ...findAlarms(facts), ...findMappings(facts), ...findStages(facts)];
}

function findSubscriptions({ subscriptions, topic }: DeploymentFacts): readonly Finding[] {
  const check = 'subscription';
  if (!subscriptions.known) return [unknown(check, null, subscriptions.reason)];
  const why = 'Nobody gets a message when a sync fails or a primary is replaced.';
  if (subscriptions.value.length === 0)
    return [
      fault('warning', check, null, {
        what: 'Nobody is subscribed to the alerts',
        why,
        mend: `aws sns subscribe --topic-arn ${topic} --protocol email --notification-endpoint YOU@EXAMPLE.COM`,
      }),
    ];
  return subscriptions.value.map(({ endpoint, confirmed }) =>
    confirmed
      ? ok(check, endpoint, 'subscribed to the alerts')
      : fault('warning', check, endpoint, {
          what: `The subscription of ${endpoint} to the alerts is not confirmed`,
          why,
          mend: `Follow the link in the mail from AWS, or send it again: aws sns subscribe --topic-arn ${topic} --protocol email --notification-endpoint ${endpoint}`,
        }),
  );
}

/** What an alarm that rings means, by a part of its name. */
const alarmWhys: readonly (readonly [part: RegExp, why: string])[] = [
  [/DeadLetters/u, 'Events or looks were given up: what they asked for waits for the next tick.'],
  [/TickMissing/u, 'Nothing is pushed: no tick has run.'],
  [/SecondsBehind/u, 'A secondary serves old files.'],
  [/Lane/u, 'Looks at groups wait: joins and promotions are late.'],
  [/Errors/u, 'A function fails: see its log.'],
];

function findAlarms({ alarms, stage }: DeploymentFacts): readonly Finding[] {
  const check = 'alarm';
  if (!alarms.known) return [unknown(check, null, alarms.reason)];
  if (alarms.value.length === 0)
    return [
      fault('warning', check, null, {
        what: `The stage ${stage} has no alarms`,
        why: 'No alert says when hostsync itself fails.',
        mend: `npx serverless deploy --stage ${stage}`,
      }),
    ];
  return alarms.value.map(({ name, state, reason }) =>
    state === 'ALARM'
      ? fault('error', check, name, {
          what: `The alarm ${name} rings: ${reason}`,
          why: alarmWhys.find(([part]) => part.test(name))?.[1] ?? 'Something of hostsync itself is wrong.',
          mend: `aws cloudwatch describe-alarm-history --alarm-name ${name}; see docs/failures.md`,
        })
      : ok(check, name, state),
  );
}

function findMappings({ mappings, stage }: DeploymentFacts): readonly Finding[] {
  const check = 'event-source-mapping';
  if (!mappings.known) return [unknown(check, null, mappings.reason)];
  const why = 'No group is observed: no host joins, none is promoted, and no alert is sent. Pushes go on.';
  if (mappings.value.length === 0)
    return [
      fault('error', check, null, {
        what: 'The queue of the lanes runs no function',
        why,
        mend: `npx serverless deploy --stage ${stage}`,
      }),
    ];
  return mappings.value.map(({ id, state }) =>
    state === 'Enabled'
      ? ok(check, id, state)
      : fault('error', check, id, {
          what: `The event source mapping ${id} of the lanes is ${state}`,
          why,
          mend: `aws lambda update-event-source-mapping --uuid ${id} --enabled`,
        }),
  );
}

function findStages({ stages, stage }: DeploymentFacts): readonly Finding[] {
  const check = 'stages';
  if (!stages.known) return [unknown(check, null, stages.reason)];
  const others = stages.value.filter((each) => each.stage !== stage && each.tagPrefix === tagPrefix);
  if (others.length === 0) return [ok(check, null, `no other stage has tags that begin with ${tagPrefix}:`)];
  return others.map((other) =>
    fault('error', check, other.stage, {
      what: `The stages ${stage} and ${other.stage} both have tags that begin with ${tagPrefix}:`,
      why: 'Both push to, and promote, the same hosts.',
      mend: `Give one of them another tag-prefix in settings.yml, or remove it: npx serverless remove --stage ${other.stage}`,
    }),
  );
}
