import { makeInstanceHandler } from '../../shared/membership/instance-handler.ts';

/** An instance came up, was launched by Auto Scaling, or got tags: has what can be done at once done; the tick does the rest. */
export const handler = makeInstanceHandler('instance-launch');
