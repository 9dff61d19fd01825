import { paginateListCommandInvocations, type SSMClient } from '@aws-sdk/client-ssm';
import type { InstalledReleases } from '../core/model/release.ts';
import { toObserved } from './ssm.ts';

/**
 * Who has taken the package of the release that these documents bring, as far as SSM remembers: 30 days. One call for each document and
 * each 50 hosts of the whole stage.
 *
 * @param documents those that install, one a part: whichever part came last says that the package is installed
 */
export async function observeInstalls(
  ssm: SSMClient,
  documents: readonly string[],
): Promise<InstalledReleases> {
  const found = await Promise.all(documents.map((document) => listInstalled(ssm, document)));
  return new Map(found.flat());
}

async function listInstalled(
  ssm: SSMClient,
  document: string,
): Promise<readonly (readonly [host: string, release: string])[]> {
  const installed: (readonly [string, string])[] = [];
  const pages = paginateListCommandInvocations(
    { client: ssm, pageSize: 50 },
    { Filters: [{ key: 'DocumentName', value: document }], Details: true },
  );
  for await (const { CommandInvocations = [] } of pages)
    for (const { CommandId = '', InstanceId, StatusDetails, CommandPlugins = [] } of CommandInvocations) {
      if (InstanceId === undefined) continue;
      const { lines } = toObserved(CommandId, InstanceId, StatusDetails, CommandPlugins[0]?.Output);
      for (const line of lines)
        if (line.kind === 'install' && line.installed) installed.push([InstanceId, line.release]);
    }
  return installed;
}
