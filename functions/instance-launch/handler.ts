import { makeInstanceHandler } from '../../shared/edge/instance-handler.ts';

/** An instance came up, was launched by Auto Scaling, or got tags: it may have to join. */
export const handler = makeInstanceHandler('instance-launch');
