import { observeGroup } from '../../shared/aws/ec2.ts';
import { TagWriter } from '../../shared/aws/tags.ts';
import { isObserved } from '../../shared/core/model/mode.ts';
import { findPrimary } from '../../shared/core/model/primary.ts';
import { tagKeys } from '../../shared/core/model/tag-keys.ts';
import { type Keep, makeInstanceHandler } from '../../shared/edge/instance-handler.ts';

/** Only the event tells of a spot interruption, so a tag keeps it: any run may go on from there. */
const noteInterruption: Keep = async ({ instance, interruption }, group, { clients }) => {
  if (interruption === undefined) return;
  const members = await observeGroup(clients.ec2, group);
  if (isObserved(members)) return;
  const { current } = findPrimary(members);
  if (current?.id !== instance || current.tags[tagKeys.switchover] !== undefined) return;
  await new TagWriter(clients.ec2).write([instance], { [tagKeys.switchover]: `any ${interruption}` });
};

/** Something happened to an instance that may be a primary. What the event says is a hint; the look asks EC2. */
export const handler = makeInstanceHandler('primary-failure', noteInterruption);
