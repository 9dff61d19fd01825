import { makeInstanceHandler } from '../../shared/membership/instance-handler.ts';

/**
 * An instance goes, for good or not, or lost its tag: takes it off the list, clears its tags, lets Auto Scaling go on.
 * Its role lets it take hosts out, not in.
 */
export const handler = makeInstanceHandler('instance-termination', {
  only: new Set(['set-list', 'clear-state', 'complete-hook']),
});
