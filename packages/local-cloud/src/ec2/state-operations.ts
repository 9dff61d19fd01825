import * as v from 'valibot';
import { listOf, type Operation, operation, queryBoolean } from '../api/registry.ts';
import { instanceArn } from '../base/account.ts';
import { AwsError } from '../base/errors.ts';
import type { Activity } from '../base/journal.ts';
import type { Ec2 } from './ec2.ts';
import type { InstanceStateName } from './instance.ts';
import type { LocalInstance } from './local-instance.ts';
import { dryRun, refuseDryRun, resourceTagContext } from './requests.ts';

/** Source: API reference of EC2, InstanceState. */
const codes: Readonly<Record<InstanceStateName, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

const requestSchema = v.strictObject({
  InstanceId: listOf(v.string(), 1, 1000),
  Force: v.optional(queryBoolean, 'false'),
  SkipOsShutdown: v.optional(queryBoolean, 'false'),
  DryRun: dryRun,
});

export interface StateTools {
  readonly machineOf: (id: string) => LocalInstance | undefined;
  readonly activity: Activity;
}

/** What changes the state of an instance. The answer comes before the host is down, as on EC2. */
export function stateOperations(ec2: Ec2, { machineOf, activity }: StateTools): readonly Operation[] {
  const changing = (
    name: 'StopInstances' | 'TerminateInstances',
    from: readonly InstanceStateName[],
    change: (machine: LocalInstance) => Promise<void>,
  ): Operation =>
    operation({
      name,
      schema: requestSchema,
      access: ({ InstanceId }) =>
        InstanceId.map((id) => ({
          action: `ec2:${name}`,
          resource: instanceArn(ec2.account, id),
          context: {
            'aws:RequestedRegion': ec2.account.region,
            ...resourceTagContext('ec2', ec2.find(id)?.tags ?? new Map()),
          },
        })),
      run({ InstanceId, DryRun }) {
        refuseDryRun(DryRun);
        const instances = InstanceId.map((id) => ec2.require(id));
        // One that cannot be changed refuses the request for all
        const wrong = instances.find(({ state }) => !from.includes(state));
        if (wrong !== undefined)
          throw new AwsError(
            'IncorrectInstanceState',
            `This instance '${wrong.id}' is not in a state from which it can be changed by ${name}: ${wrong.state}.`,
          );
        return {
          instancesSet: instances.map((instance) => {
            const previous = instance.state;
            const machine = machineOf(instance.id);
            if (machine !== undefined) activity.start(`${name} of ${instance.id}`, () => change(machine));
            return {
              instanceId: instance.id,
              currentState: stateOf(instance.state),
              previousState: stateOf(previous),
            };
          }),
        };
      },
    });
  return [
    changing('StopInstances', ['running', 'stopping', 'stopped'], async (machine) => {
      if (machine.state === 'running') await machine.stop();
    }),
    changing(
      'TerminateInstances',
      ['pending', 'running', 'stopping', 'stopped', 'shutting-down', 'terminated'],
      (machine) => (machine.state === 'shutting-down' ? Promise.resolve() : machine.terminate()),
    ),
  ];
}

function stateOf(name: InstanceStateName) {
  return { code: codes[name], name };
}
