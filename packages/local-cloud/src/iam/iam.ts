import { runSimulation } from '@cloud-copilot/iam-simulate';
import type { AccessCheck, Caller, NamedPolicy } from '../api/registry.ts';
import { LocalCloudError } from '../base/errors.ts';
import { isObject } from '../base/json.ts';

/** Why a call is not allowed; `message` is worded as AWS words it. */
export interface Denial {
  readonly action: string;
  readonly resource: string;
  readonly message: string;
}

/** Judges calls against the role of the caller, with a real policy engine. */
export class Iam {
  readonly #accountId: string;
  readonly #resourcePolicies: ReadonlyMap<string, unknown>;

  /** @param resourcePolicies the policies of queues and topics, by ARN */
  constructor(accountId: string, resourcePolicies: ReadonlyMap<string, unknown> = new Map()) {
    this.#accountId = accountId;
    this.#resourcePolicies = resourcePolicies;
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
   * Why a service of AWS (`events.amazonaws.com`) may not do something to a resource on behalf of another, or undefined. Only
   * the policy of the resource says who may.
   *
   * @param sourceArn of the rule, alarm or topic that the service acts for
   */
  async serviceDenial(
    service: string,
    action: string,
    resource: string,
    sourceArn: string,
  ): Promise<Denial | undefined> {
    const context = {
      'aws:SourceArn': sourceArn,
      'aws:SourceAccount': this.#accountId,
      'aws:PrincipalIsAWSService': 'true',
      'aws:PrincipalServiceName': service,
      // the key of the default policy of a topic
      ...(action.startsWith('sns:') && { 'aws:SourceOwner': this.#accountId }),
    };
    const check = { action, resource, context };
    if ((await this.#judge(service, [], check)) === 'Allowed') return undefined;
    const message = `${service} is not authorized to perform: ${action} on resource: ${resource} for ${sourceArn}: the policy of the resource does not allow it`;
    return { action, resource, message };
  }

  /** Checks the policy of a queue or a topic. @throws LocalCloudError naming it and what is wrong */
  async checkResourcePolicy(name: string, document: unknown): Promise<void> {
    checkConditionOperators(name, { name, document });
    const without = statementsOf(document).find(({ Principal }) => Principal === undefined);
    if (without !== undefined) throw new LocalCloudError(`${name}: a statement has no Principal`);
    const [action = 'sts:GetCallerIdentity'] = actionsOf(document).filter((named) => !/[*?]/.test(named));
    const check = { action, resource: '*', context: {} };
    await this.#judge('events.amazonaws.com', [], check, document);
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
      checkConditionOperators(`policy ${policy.name} of role ${role}`, policy);
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

  async #judge(
    principal: string,
    policies: readonly NamedPolicy[],
    check: AccessCheck,
    resourcePolicy = this.#resourcePolicies.get(check.resource),
  ) {
    const outcome = await runSimulation(
      {
        request: {
          principal,
          action: check.action,
          resource: { resource: withAccount(check.resource), accountId: this.#accountId },
          contextVariables: { 'aws:SecureTransport': 'true', ...check.context },
        },
        identityPolicies: policies.map((policy) => ({ name: policy.name, policy: policy.document })),
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        ...(resourcePolicy !== undefined && { resourcePolicy }),
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

/** The engine knows no ARN without an account, as AWS's own documents have it. No policy names the account that stands for it. */
function withAccount(resource: string): string {
  return resource.replace(/^(arn:[^:]+:ssm:[^:]*):(?=:document\/)/u, '$1:000000000000');
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

function checkConditionOperators(where: string, policy: NamedPolicy): void {
  for (const statement of statementsOf(policy.document)) {
    const condition = statement['Condition'];
    if (!isObject(condition)) continue;
    for (const operator of Object.keys(condition)) {
      if (!conditionOperator.test(operator)) {
        throw new LocalCloudError(`${where}: IAM has no condition operator ${operator}`);
      }
    }
  }
}
