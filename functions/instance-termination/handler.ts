import { makeInstanceHandler } from '../../shared/edge/instance-handler.ts';

/** An instance goes, for good or not, or lost its tag: it has to come off the list. */
export const handler = makeInstanceHandler('instance-termination');
