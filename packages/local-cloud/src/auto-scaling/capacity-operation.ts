import * as v from 'valibot';
import {
  type AccessCheck,
  type Operation,
  operation,
  queryBoolean,
  queryInteger,
  text,
} from '../api/registry.ts';
import type { AutoScalingGroup } from './group.ts';

export interface CapacityTools {
  readonly onGroup: (
    name: string,
  ) => (input: { readonly AutoScalingGroupName: string }) => readonly AccessCheck[];
  readonly requireGroup: (name: string) => AutoScalingGroup;
}

/** `SetDesiredCapacity`: the answer comes before anything is launched or terminated. */
export function capacityOperation({ onGroup, requireGroup }: CapacityTools): Operation {
  return operation({
    name: 'SetDesiredCapacity',
    schema: v.strictObject({
      AutoScalingGroupName: text(1, 255),
      DesiredCapacity: queryInteger(0, 100),
      HonorCooldown: v.optional(queryBoolean, 'false'),
    }),
    access: onGroup('SetDesiredCapacity'),
    async run({ AutoScalingGroupName, DesiredCapacity }) {
      await requireGroup(AutoScalingGroupName).setDesiredCapacity(DesiredCapacity);
      return {};
    },
  });
}
