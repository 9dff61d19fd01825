import type { ObservedPush, PromotionObservation } from '../model/observation.ts';
import { type InstalledReleases, lacksRelease } from '../model/release.ts';

/** Which release of the host package a host has. */
export interface HostRelease {
  /** As `0.2.0-0123456789abcdef`; null where the host has only said that it lacks the stage's. */
  readonly name: string | null;
  /** It is the one that the stage has deployed. */
  readonly isDeployed: boolean;
}

interface ReleaseEvidence {
  readonly observed: Pick<PromotionObservation, 'commands' | 'reachability'>;
  readonly pushes: readonly ObservedPush[];
  readonly releases?: InstalledReleases | undefined;
}

/** Its own word that it lacks the stage's release counts more than that it once took it. Null: nothing says. */
export function releaseOf(id: string, { observed, pushes, releases }: ReleaseEvidence): HostRelease | null {
  const newest = pushes
    .filter(({ instance, status }) => instance === id && status !== 'under-way')
    .toSorted((one, other) => other.requestedAt - one.requestedAt)[0];
  const isLacking =
    observed.commands.some((each) => each.instance === id && lacksRelease(each)) ||
    observed.reachability.some(({ withoutRelease = [] }) => withoutRelease.includes(id)) ||
    (newest !== undefined && lacksRelease(newest));
  if (isLacking) return { name: null, isDeployed: false };
  const name = releases?.get(id);
  return name === undefined ? null : { name, isDeployed: true };
}

/** As people read it: the version, and enough of the digest to tell two apart. */
export function describeRelease(release: HostRelease | null): string {
  if (release === null) return '?';
  return release.isDeployed ? (release.name ?? '?').replace(/(-[0-9a-f]{7})[0-9a-f]+$/u, '$1') : 'another';
}
