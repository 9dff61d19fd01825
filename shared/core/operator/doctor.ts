import { joinTagKeys, roomProblem } from '../model/room.ts';
import { tagKeys } from '../model/tag-keys.ts';
import type { Diagnosis, DoctorFacts, Finding, LifecycleHook } from './doctor-facts.ts';
import { reachFindings } from './reach.ts';

type Check = (facts: DoctorFacts) => readonly Finding[];

const checks: Readonly<Record<string, Check>> = {
  'state of the group': attentionFindings,
  'instance profiles': profileFindings,
  'SSM agents': agentFindings,
  'security groups': (facts) => reachFindings(facts),
  'room for tags': roomFindings,
  'other stages': stageFindings,
  'who could take over': takeoverFindings,
  'lifecycle hooks': hookFindings,
  'name and address': pointerFindings,
  'alert subscription': subscriptionFindings,
  'dead letters': deadLetterFindings,
  alarms: alarmFindings,
  'queue of looks': mappingFindings,
  'hosts themselves': hostFindings,
};

const ranks: readonly Finding['level'][] = ['error', 'warning', 'unknown'];

/** Every reason that can be known why the next push, join or promotion would not happen, each with what mends it. */
export function diagnose(facts: DoctorFacts): Diagnosis {
  const results = Object.entries(checks).map(([name, check]) => [name, check(facts)] as const);
  return {
    findings: results
      .flatMap(([, findings]) => findings)
      .toSorted((one, other) => ranks.indexOf(one.level) - ranks.indexOf(other.level)),
    passed: results.flatMap(([name, findings]) => (findings.length === 0 ? [name] : [])),
  };
}

/** @param what was not checked */
function unknownFinding(what: string, { unknown }: { readonly unknown: string }): Finding {
  return {
    level: 'unknown',
    what: `Not checked: ${what}`,
    why: unknown,
    mend: 'Use a role that may read this',
  };
}

function attentionFindings({ overview }: DoctorFacts): readonly Finding[] {
  return overview.attention.map(({ level, what, why, remedy }) => ({
    ...{ level: level === 'error' ? 'error' : 'warning', what, why, mend: remedy },
  }));
}

/** One that SSM manages by the account's default (Default Host Management Configuration) needs no profile of its own. */
function profileFindings({ hosts }: DoctorFacts): readonly Finding[] {
  return hosts.flatMap(({ id, instanceProfile, agent }): readonly Finding[] => {
    if ('unknown' in instanceProfile) return [unknownFinding(`instance profile of ${id}`, instanceProfile)];
    const isManaged = 'known' in agent && agent.known?.online === true;
    if (instanceProfile.known !== undefined || isManaged) return [];
    return [
      {
        ...{ level: 'error', what: `${id} has no instance profile` },
        why: 'SSM cannot manage it: it neither joins nor pushes',
        mend: `aws ec2 associate-iam-instance-profile --instance-id ${id} --iam-instance-profile Name=PROFILE   (with AmazonSSMManagedInstanceCore)`,
      },
    ];
  });
}

/** Older ones are not supported any more. Source: releases of amazon-ssm-agent. */
const leastMajor = 3;

function agentFindings({ hosts, overview }: DoctorFacts): readonly Finding[] {
  return hosts.flatMap(({ id, agent }): readonly Finding[] => {
    const host = overview.hosts.find((each) => each.id === id);
    if (host?.state === 'stopped') return [];
    if ('unknown' in agent) return [unknownFinding(`SSM agent of ${id}`, agent)];
    const { known } = agent;
    if (known === undefined)
      return [
        {
          ...{ level: 'error', what: `SSM does not know ${id}` },
          why: 'Nothing can be asked of it: it neither joins nor pushes',
          mend: 'Install and start the SSM agent, and see whether the host reaches the endpoints of SSM',
        },
      ];
    if (!known.online)
      return [
        {
          ...{ level: 'error', what: `The SSM agent of ${id} is offline` },
          why: 'Nothing can be asked of it',
          mend: `aws ssm get-connection-status --target ${id}, and on the host: systemctl restart amazon-ssm-agent`,
        },
      ];
    if (Number(known.version.split('.')[0]) >= leastMajor) return [];
    return [
      {
        ...{ level: 'warning', what: `The SSM agent of ${id} is old (${known.version})` },
        why: 'Versions before 3 are not supported',
        mend: `aws ssm send-command --document-name AWS-UpdateSSMAgent --instance-ids ${id}`,
      },
    ];
  });
}

function roomFindings({ members }: DoctorFacts): readonly Finding[] {
  const whole = [...joinTagKeys, tagKeys.primary, tagKeys.promoted, tagKeys.publicKey, tagKeys.directories];
  return members.flatMap((member): readonly Finding[] => {
    const problem = roomProblem(member, joinTagKeys);
    const later = problem ?? roomProblem(member, whole);
    if (later === undefined) return [];
    return [
      {
        ...{
          level: problem === undefined ? 'warning' : 'error',
          what: `${member.id} has no room for tags: ${later}`,
        },
        why: problem === undefined ? 'It cannot become the primary' : 'It cannot join',
        mend: `aws ec2 delete-tags --resources ${member.id} --tags Key=TAG   (one that nobody needs)`,
      },
    ];
  });
}

/** Another stage would write to the same files of the same hosts. */
function stageFindings({ members }: DoctorFacts): readonly Finding[] {
  return members.flatMap(({ id, tags }): readonly Finding[] => {
    const other = Object.keys(tags).find(
      (key) =>
        key.endsWith(':group') && key !== tagKeys.group && `${key.slice(0, -':group'.length)}:state` in tags,
    );
    if (other === undefined) return [];
    return [
      {
        ...{ level: 'error', what: `${id} belongs to two stages: it carries ${other} as well` },
        why: 'Both write to /etc/hostsync on it',
        mend: `aws ec2 delete-tags --resources ${id} --tags Key=${other}   (or Key=${tagKeys.group})`,
      },
    ];
  });
}

function takeoverFindings({ overview: { hosts, group } }: DoctorFacts): readonly Finding[] {
  const candidates = hosts.filter(({ promote, state }) => promote !== undefined && state !== 'stopped');
  if (candidates.some(({ promote }) => promote?.blocker === undefined)) return [];
  const why = candidates.map(({ id, promote }) => `${id}: ${promote?.blocker}`);
  return [
    {
      ...{ level: 'warning', what: `No host of ${group} could take over from the primary` },
      why: why.length === 0 ? 'There is no other host' : why.join('; '),
      mend: `hostsync status ${group}`,
    },
  ];
}

/** Seconds: the service lets a hook know of itself with every tick, and one tick may be lost. */
const leastHeartbeat = 180;

function hookFindings({ autoScalingGroups, hooks, hookNames }: DoctorFacts): readonly Finding[] {
  if ('unknown' in autoScalingGroups) return [unknownFinding('lifecycle hooks', autoScalingGroups)];
  if (autoScalingGroups.known.length === 0) return [];
  if ('unknown' in hooks) return [unknownFinding('lifecycle hooks', hooks)];
  return autoScalingGroups.known.flatMap((name) => [
    ...hookFinding(name, hookNames.launch, hooks.known, 'A new host takes visitors before it has the files'),
    ...hookFinding(
      name,
      hookNames.terminate,
      hooks.known,
      'A primary that is scaled in is gone before its last uploads are pushed',
    ),
  ]);
}

function hookFinding(
  autoScalingGroup: string,
  name: string,
  hooks: readonly LifecycleHook[],
  why: string,
): readonly Finding[] {
  const hook = hooks.find((each) => each.autoScalingGroup === autoScalingGroup && each.name === name);
  const transition = name.endsWith('-launch') ? 'LAUNCHING' : 'TERMINATING';
  const put = `aws autoscaling put-lifecycle-hook --auto-scaling-group-name ${autoScalingGroup} --lifecycle-hook-name ${name} --lifecycle-transition autoscaling:EC2_INSTANCE_${transition} --heartbeat-timeout 600`;
  if (hook === undefined)
    return [{ level: 'warning', what: `${autoScalingGroup} has no lifecycle hook ${name}`, why, mend: put }];
  if (hook.heartbeatTimeout >= leastHeartbeat) return [];
  return [
    {
      ...{
        level: 'error',
        what: `The hook ${name} of ${autoScalingGroup} ends after ${hook.heartbeatTimeout} s`,
      },
      why: `hostsync keeps it alive once a minute: one lost tick gives the host up (at least ${leastHeartbeat} s)`,
      mend: put,
    },
  ];
}

function pointerFindings({ pointers }: DoctorFacts): readonly Finding[] {
  if ('unknown' in pointers) return [unknownFinding('the name and the address of the primary', pointers)];
  return pointers.known.flatMap(({ kind, reason }): readonly Finding[] => {
    if (kind === 'protect') return [];
    if (kind === 'refuse')
      return [
        {
          ...{ level: 'error', what: 'What editors use does not follow the primary', why: reason },
          mend: `Make it a simple record, or take the tag ${tagKeys.dns} away: docs/tags.md, "The address"`,
        },
      ];
    return [
      {
        ...{ level: 'warning', what: 'What editors use does not point at the primary', why: reason },
        mend: 'The service moves it within ten minutes; if it does not, see the log of reconcile',
      },
    ];
  });
}

function subscriptionFindings({ subscriptions }: DoctorFacts): readonly Finding[] {
  if ('unknown' in subscriptions) return [unknownFinding('the subscription of alerts', subscriptions)];
  if (subscriptions.known.length === 0)
    return [
      {
        ...{ level: 'warning', what: 'Nobody is subscribed to alerts', why: 'Nobody hears of a failure' },
        mend: 'Set alert-email in settings.yml and deploy, or subscribe to the output AlertTopic of the stack',
      },
    ];
  return subscriptions.known
    .filter(({ confirmed }) => !confirmed)
    .map(({ endpoint }) => ({
      ...{ level: 'warning', what: `The alert subscription ${endpoint} is not confirmed` },
      why: 'Nobody gets a mail there when a sync fails',
      mend: 'Open the mail from AWS and confirm, or subscribe again',
    }));
}

function deadLetterFindings({ deadLetters }: DoctorFacts): readonly Finding[] {
  if ('unknown' in deadLetters) return [unknownFinding('dead letters', deadLetters)];
  return deadLetters.known
    .filter(({ messages }) => messages > 0)
    .map(({ queue, messages }) => ({
      ...{ level: 'warning', what: `${messages} events were given up: ${queue}` },
      why: 'A function failed on them several times; the ticks did their work since',
      mend: `aws sqs receive-message --queue-url ${queue}; read, then aws sqs purge-queue --queue-url ${queue}`,
    }));
}

function alarmFindings({ alarms }: DoctorFacts): readonly Finding[] {
  if ('unknown' in alarms) return [unknownFinding('alarms', alarms)];
  const ringing = alarms.known
    .filter((alarm) => alarm.ringing)
    .map(({ name }): Finding => {
      const mend = `aws cloudwatch describe-alarms --alarm-names ${name}`;
      return {
        level: 'error',
        what: `The alarm ${name} rings`,
        why: 'docs/failures.md says what it means',
        mend,
      };
    });
  const mute = alarms.known
    .filter((alarm) => !alarm.enabled)
    .map(({ name }): Finding => {
      const mend = `aws cloudwatch enable-alarm-actions --alarm-names ${name}`;
      return {
        level: 'warning',
        what: `The actions of the alarm ${name} are off`,
        why: 'It rings for nobody',
        mend,
      };
    });
  return [...ringing, ...mute];
}

function mappingFindings({ mapping }: DoctorFacts): readonly Finding[] {
  if ('unknown' in mapping) return [unknownFinding('the queue of looks', mapping)];
  const { known } = mapping;
  if (known !== undefined && known.state === 'Enabled') return [];
  return [
    {
      ...{ level: 'error', what: `The queue of looks is not read (${known?.state ?? 'no mapping'})` },
      why: 'Nobody joins, and no primary is replaced; pushes go on',
      mend:
        known === undefined
          ? 'Deploy again: npx serverless deploy'
          : `aws lambda update-event-source-mapping --uuid ${known.id} --enabled`,
    },
  ];
}

function hostFindings({ hosts }: DoctorFacts): readonly Finding[] {
  return hosts.flatMap(({ id, checks: own }): readonly Finding[] => {
    if (own === undefined) return [];
    if ('unknown' in own) return [unknownFinding(`what ${id} says of itself`, own)];
    return own.known.flatMap(
      ({ name, level, message, mend = `Look at it: aws ssm start-session --target ${id}` }) =>
        level === 'ok' ? [] : [{ level, what: `${id}: ${name}`, why: message, mend }],
    );
  });
}
