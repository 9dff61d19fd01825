import * as v from 'valibot';
import { operation, type Service } from '../api/registry.ts';
import type { Account } from '../base/account.ts';

/** STS: the query protocol. */
export function stsService(account: Account): Service {
  const getCallerIdentity = operation({
    name: 'GetCallerIdentity',
    schema: v.strictObject({}),
    // "No permissions are required to perform this operation" (API_GetCallerIdentity)
    access: () => [],
    run: (_input, caller) => ({
      Arn: caller.principalArn,
      UserId: `AROALOCAL:${caller.name}`,
      Account: account.accountId,
    }),
  });
  return {
    signingName: 'sts',
    protocol: { kind: 'query', namespace: 'https://sts.amazonaws.com/doc/2011-06-15/' },
    source: 'sts/operations.ts',
    operations: [getCallerIdentity],
  };
}
