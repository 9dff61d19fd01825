import { runSimulation } from '@cloud-copilot/iam-simulate';
import { LocalCloudError } from './errors.ts';
import { isObject } from './json.ts';
import type { AccessCheck, Caller, NamedPolicy } from './registry.ts';

/** Why a call is not allowed; `message` is worded as AWS words it. */
export interface Denial {
  readonly action: string;
  readonly resource: string;
  readonly message: string;
}

/** Judges calls against the role of the caller, with a real policy engine. */
export class Iam {
  readonly #accountId: string;

  constructor(accountId: string) {
    this.#accountId = accountId;
  }

  /**
   * The first of the checks that the caller's role does not allow, or undefined.
   *
   * @throws LocalCloudError when the engine cannot judge it (an action that does not exist, a broken policy)
   */
  async firstDenial(caller: Caller, checks: readonly AccessCheck[]): Promise<Denial | undefined> {
    if (caller.kind === 'operator') return undefined;
    for (const check of checks) {
      const verdict = await this.#judge(caller.principalArn, caller.policies, check);
      if (verdict !== 'Allowed') return denial(caller.principalArn, check, verdict === 'ExplicitlyDenied');
    }
    return undefined;
  }

  /**
   * Checks a role before anything runs: its policies are well formed, the actions they name exist, and Lambda may
   * assume it.
   *
   * @throws LocalCloudError naming the role and what is wrong
   */
  async checkRole(role: string, trustPolicy: unknown, policies: readonly NamedPolicy[]): Promise<void> {
    if (!lambdaMayAssume(trustPolicy)) {
      throw new LocalCloudError(
        `the trust policy of role ${role} does not let lambda.amazonaws.com do sts:AssumeRole: the function could not start`,
      );
    }
    for (const policy of policies) {
      checkConditionOperators(role, policy);
      const named = actionsOf(policy.document).filter((action) => !/[*?]/.test(action));
      for (const action of named.length > 0 ? named : ['sts:GetCallerIdentity']) {
        await this.#judge(`arn:aws:iam::${this.#accountId}:role/${role}`, [policy], {
          action,
          resource: '*',
          context: {},
        });
      }
    }
  }

  async #judge(principal: string, policies: readonly NamedPolicy[], check: AccessCheck) {
    const outcome = await runSimulation(
      {
        request: {
          principal,
          action: check.action,
          resource: { resource: check.resource, accountId: this.#accountId },
          contextVariables: { ...check.context },
        },
        identityPolicies: policies.map((policy) => ({ name: policy.name, policy: policy.document })),
        serviceControlPolicies: [],
        resourceControlPolicies: [],
      },
      {},
    );
    if (outcome.resultType === 'error') {
      throw new LocalCloudError(
        `IAM cannot judge ${check.action} on ${check.resource}: ${JSON.stringify(outcome.errors)}`,
      );
    }
    return outcome.overallResult;
  }
}

function denial(principalArn: string, check: AccessCheck, explicit: boolean): Denial {
  const because = explicit
    ? 'with an explicit deny in an identity-based policy'
    : `because no identity-based policy allows the ${check.action} action`;
  return {
    action: check.action,
    resource: check.resource,
    message: `User: ${principalArn} is not authorized to perform: ${check.action} on resource: ${check.resource} ${because}`,
  };
}

function statementsOf(document: unknown): readonly Readonly<Record<string, unknown>>[] {
  const statement = isObject(document) ? document['Statement'] : undefined;
  return (Array.isArray(statement) ? statement : [statement]).filter(isObject);
}

function actionsOf(document: unknown): readonly string[] {
  return statementsOf(document).flatMap((statement) =>
    strings(statement['Action'] ?? statement['NotAction']),
  );
}

function strings(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((item) => typeof item === 'string');
}

function lambdaMayAssume(trustPolicy: unknown): boolean {
  return statementsOf(trustPolicy).some((statement) => {
    const principal = statement['Principal'];
    return (
      statement['Effect'] === 'Allow' &&
      strings(statement['Action']).includes('sts:AssumeRole') &&
      isObject(principal) &&
      strings(principal['Service']).includes('lambda.amazonaws.com')
    );
  });
}

// The engine takes a condition with an operator that it does not know as "does not match" and says nothing.
const conditionOperator =
  /^((ForAllValues|ForAnyValue):)?((String(Not)?(Equals|EqualsIgnoreCase|Like)|Numeric((Not)?Equals|(Less|Greater)Than(Equals)?)|Date((Not)?Equals|(Less|Greater)Than(Equals)?)|Bool|BinaryEquals|(Not)?IpAddress|Arn(Not)?(Equals|Like))(IfExists)?|Null)$/;

function checkConditionOperators(role: string, policy: NamedPolicy): void {
  for (const statement of statementsOf(policy.document)) {
    const condition = statement['Condition'];
    if (!isObject(condition)) continue;
    for (const operator of Object.keys(condition)) {
      if (!conditionOperator.test(operator)) {
        throw new LocalCloudError(
          `policy ${policy.name} of role ${role}: IAM has no condition operator ${operator}`,
        );
      }
    }
  }
}
