import { type Account, generatedName } from '../base/account.ts';
import { LocalCloudError } from '../base/errors.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { type ResourceIdentity, type ResourceType, resourceTypes } from './resource-types.ts';

export interface TemplateResource {
  readonly logicalId: string;
  readonly type: string;
  /** the properties with every intrinsic function evaluated */
  readonly properties: JsonObject;
  readonly identity: ResourceIdentity;
}

export interface EvaluatedTemplate {
  readonly resources: readonly TemplateResource[];
  readonly outputs: Readonly<Record<string, Json>>;
}

export interface StackSettings {
  readonly account: Account;
  readonly stackName: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** types beside those that stacks of the local cloud may have: for templates that are read and not deployed here */
  readonly types?: ReadonlyMap<string, ResourceType>;
}

/** What `{ "Ref": "AWS::NoValue" }` evaluates to: the member that holds it goes away. */
const noValue = Symbol('AWS::NoValue');
type Value = Json | typeof noValue;

/**
 * Evaluates a CloudFormation template as a deployment would: parameters, conditions, intrinsic functions and the names
 * of resources.
 *
 * @throws LocalCloudError naming what is not supported or wrong, and where
 */
export function evaluateTemplate(template: Json, settings: StackSettings): EvaluatedTemplate {
  if (!isJsonObject(template)) throw new LocalCloudError('the template is not an object');
  return new Evaluator(template, settings).evaluate();
}

class Evaluator {
  readonly #template: JsonObject;
  readonly #settings: StackSettings;
  readonly #identities = new Map<string, ResourceIdentity>();
  readonly #underWay = new Set<string>();

  constructor(template: JsonObject, settings: StackSettings) {
    for (const section of ['Transform', 'Macros', 'Rules']) {
      if (template[section] !== undefined) {
        throw new LocalCloudError(`the local cloud does not evaluate the template's section ${section}`);
      }
    }
    this.#template = template;
    this.#settings = settings;
  }

  evaluate(): EvaluatedTemplate {
    const given = Object.keys(this.#settings.parameters).filter(
      (name) => this.#section('Parameters')[name] === undefined,
    );
    if (given.length > 0) throw new LocalCloudError(`the template has no parameter ${given.join(', ')}`);
    const names = Object.keys(this.#section('Resources')).filter((name) => this.#exists(name));
    const resources = names.map((logicalId) => this.#resource(logicalId));
    const outputs = Object.entries(this.#section('Outputs')).flatMap(([name, output]) => {
      if (!isJsonObject(output) || !this.#conditionHolds(output['Condition'])) return [];
      return [
        [
          name,
          this.#required(this.#value(output['Value'] ?? null, `output ${name}`), `output ${name}`),
        ] as const,
      ];
    });
    return { resources, outputs: Object.fromEntries(outputs) };
  }

  #section(name: string): JsonObject {
    const section = this.#template[name] ?? {};
    if (!isJsonObject(section)) throw new LocalCloudError(`the template's ${name} is not an object`);
    return section;
  }

  #definition(logicalId: string): JsonObject {
    const definition = this.#section('Resources')[logicalId];
    if (!isJsonObject(definition)) throw new LocalCloudError(`the template has no resource ${logicalId}`);
    return definition;
  }

  #exists(logicalId: string): boolean {
    return this.#conditionHolds(this.#definition(logicalId)['Condition']);
  }

  #resource(logicalId: string): TemplateResource {
    const definition = this.#definition(logicalId);
    const properties = this.#value(definition['Properties'] ?? {}, logicalId);
    if (properties === noValue || !isJsonObject(properties)) {
      throw new LocalCloudError(`the properties of ${logicalId} are not an object`);
    }
    return { logicalId, type: this.#typeOf(logicalId), properties, identity: this.#identity(logicalId) };
  }

  #typeOf(logicalId: string): string {
    const type = this.#definition(logicalId)['Type'];
    if (typeof type !== 'string') throw new LocalCloudError(`resource ${logicalId} has no type`);
    return type;
  }

  /** Names come before properties: resources may refer to one another's names in a circle through other properties. */
  #identity(logicalId: string): ResourceIdentity {
    const known = this.#identities.get(logicalId);
    if (known !== undefined) return known;
    if (this.#underWay.has(logicalId)) throw new LocalCloudError(`the name of ${logicalId} refers to itself`);
    this.#underWay.add(logicalId);
    const type = this.#typeOf(logicalId);
    const resourceType = resourceTypes.get(type) ?? this.#settings.types?.get(type);
    if (resourceType === undefined) {
      throw new LocalCloudError(
        `the local cloud does not know the resource type ${type} (${logicalId}); add it to src/cloudformation/resource-types.ts`,
      );
    }
    const raw = this.#definition(logicalId)['Properties'] ?? {};
    const { account, stackName } = this.#settings;
    const nameProperty = resourceType.nameProperty;
    const given = isJsonObject(raw) && nameProperty !== undefined ? raw[nameProperty] : undefined;
    const name = given === undefined ? noValue : this.#value(given, `${logicalId}.${nameProperty}`);
    const physicalName =
      name === noValue
        ? `${generatedName(stackName, logicalId, raw)}${isJsonObject(raw) ? (resourceType.ending?.(raw) ?? '') : ''}`
        : this.#string(name, `${logicalId}.${nameProperty}`);
    const identity = resourceType.identify(physicalName, account);
    this.#identities.set(logicalId, identity);
    this.#underWay.delete(logicalId);
    return identity;
  }

  #value(json: Json, where: string): Value {
    if (isJsonArray(json)) {
      return json
        .map((item, index) => this.#value(item, `${where}[${index}]`))
        .filter((item) => item !== noValue);
    }
    if (!isJsonObject(json)) return json;
    const entries = Object.entries(json);
    const [first] = entries;
    if (entries.length === 1 && first !== undefined && (first[0] === 'Ref' || first[0].startsWith('Fn::'))) {
      return this.#intrinsic(first[0], first[1], where);
    }
    return Object.fromEntries(
      entries
        .map(([key, child]) => [key, this.#value(child, `${where}.${key}`)] as const)
        .filter((entry): entry is readonly [string, Json] => entry[1] !== noValue),
    );
  }

  #intrinsic(name: string, argument: Json, where: string): Value {
    switch (name) {
      case 'Ref':
        return this.#ref(this.#string(argument, where), where);
      case 'Fn::GetAtt':
        return this.#attribute(argument, where);
      case 'Fn::Sub':
        return this.#sub(argument, where);
      case 'Fn::Join': {
        const [separator, list] = this.#pair(argument, where);
        return this.#list(list, where)
          .map((item) => this.#string(item, where))
          .join(this.#string(separator, where));
      }
      case 'Fn::Select': {
        const [index, list] = this.#pair(argument, where);
        const chosen = this.#list(list, where)[Number(this.#string(index, where))];
        if (chosen === undefined)
          throw new LocalCloudError(`${where}: Fn::Select has no item ${String(index)}`);
        return chosen;
      }
      case 'Fn::Split': {
        const [separator, whole] = this.#pair(argument, where);
        return this.#string(whole, where).split(this.#string(separator, where));
      }
      case 'Fn::If': {
        const [condition, yes, no] = isJsonArray(argument) ? argument : [];
        if (typeof condition !== 'string' || yes === undefined || no === undefined) {
          throw new LocalCloudError(`${where}: Fn::If needs a condition and two values`);
        }
        return this.#value(this.#conditionHolds(condition) ? yes : no, where);
      }
      case 'Fn::Base64':
        return Buffer.from(this.#string(argument, where)).toString('base64');
      case 'Fn::ImportValue':
        throw new LocalCloudError(
          `${where}: Fn::ImportValue needs another stack; there is none in the local cloud`,
        );
      default:
        throw new LocalCloudError(
          `${where}: the local cloud does not evaluate ${name}; add it to src/cloudformation/template.ts`,
        );
    }
  }

  #ref(name: string, where: string): Value {
    const { account, stackName } = this.#settings;
    switch (name) {
      case 'AWS::NoValue':
        return noValue;
      case 'AWS::AccountId':
        return account.accountId;
      case 'AWS::Region':
        return account.region;
      case 'AWS::Partition':
        return account.partition;
      case 'AWS::URLSuffix':
        return 'amazonaws.com';
      case 'AWS::StackName':
        return stackName;
      case 'AWS::StackId':
        return `arn:${account.partition}:cloudformation:${account.region}:${account.accountId}:stack/${stackName}/local`;
      case 'AWS::NotificationARNs':
        return [];
    }
    if (this.#section('Parameters')[name] !== undefined) return this.#parameter(name);
    if (this.#section('Resources')[name] !== undefined && this.#exists(name)) return this.#identity(name).ref;
    throw new LocalCloudError(
      `${where}: Ref to ${name}, which is neither a parameter nor a resource that exists`,
    );
  }

  #parameter(name: string): Json {
    const definition = this.#section('Parameters')[name];
    const type = isJsonObject(definition) ? definition['Type'] : undefined;
    const fallback = isJsonObject(definition) ? definition['Default'] : undefined;
    const value = this.#settings.parameters[name] ?? fallback;
    if (value === undefined) {
      throw new LocalCloudError(`the template's parameter ${name} has no default: give it in \`parameters\``);
    }
    if (isJsonObject(definition)) checkParameter(name, String(value), definition);
    const isList = type === 'CommaDelimitedList' || (typeof type === 'string' && type.startsWith('List<'));
    return isList ? String(value).split(',') : String(value);
  }

  #attribute(argument: Json, where: string): Json {
    const path = typeof argument === 'string' ? argument.split(/\.(.*)/s, 2) : argument;
    if (!isJsonArray(path))
      throw new LocalCloudError(`${where}: Fn::GetAtt needs a resource and an attribute`);
    const [logicalId, attribute] = path.map((part) => this.#string(part, where));
    if (logicalId === undefined || attribute === undefined || !this.#exists(logicalId)) {
      throw new LocalCloudError(`${where}: Fn::GetAtt of a resource that does not exist (${logicalId})`);
    }
    const value = this.#identity(logicalId).attributes[attribute];
    if (value === undefined) {
      throw new LocalCloudError(
        `${where}: the local cloud does not know the attribute ${attribute} of ${this.#typeOf(logicalId)}; add it to src/cloudformation/resource-types.ts`,
      );
    }
    return value;
  }

  #sub(argument: Json, where: string): string {
    const [text, variables]: readonly [Json, Json] =
      typeof argument === 'string' ? [argument, {}] : this.#pair(argument, where);
    if (typeof text !== 'string' || !isJsonObject(variables)) {
      throw new LocalCloudError(`${where}: Fn::Sub needs a text, or a text and a map`);
    }
    return text.replace(/\$\{(!?)([^}]*)\}/g, (whole, literal: string, name: string) => {
      if (literal === '!') return whole.replace('${!', '${');
      const own = variables[name];
      if (own !== undefined) return this.#string(this.#value(own, where), where);
      if (name.includes('.') && !name.startsWith('AWS::'))
        return this.#string(this.#attribute(name, where), where);
      return this.#string(this.#ref(name, where), where);
    });
  }

  #conditionHolds(condition: Json | undefined): boolean {
    if (condition === undefined) return true;
    if (typeof condition === 'string') {
      const definition = this.#section('Conditions')[condition];
      if (definition === undefined) throw new LocalCloudError(`the template has no condition ${condition}`);
      return this.#conditionHolds(definition);
    }
    const [name, argument] = (isJsonObject(condition) ? Object.entries(condition)[0] : undefined) ?? [];
    const operands = isJsonArray(argument) ? argument : [];
    switch (name) {
      case 'Condition':
        return this.#conditionHolds(argument);
      case 'Fn::Equals': {
        const [left, right] = operands.map((operand) => JSON.stringify(this.#value(operand, 'Fn::Equals')));
        return left === right;
      }
      case 'Fn::And':
        return operands.every((operand) => this.#conditionHolds(operand));
      case 'Fn::Or':
        return operands.some((operand) => this.#conditionHolds(operand));
      case 'Fn::Not':
        return !this.#conditionHolds(operands[0]);
      default:
        throw new LocalCloudError(
          `the local cloud does not evaluate the condition ${JSON.stringify(condition)}`,
        );
    }
  }

  #required(value: Value, where: string): Json {
    if (value === noValue) throw new LocalCloudError(`${where} has no value`);
    return value;
  }

  #string(value: Value, where: string): string {
    const plain = typeof value === 'object' && value !== null ? this.#value(value, where) : value;
    if (typeof plain === 'string') return plain;
    if (typeof plain === 'number' || typeof plain === 'boolean') return String(plain);
    throw new LocalCloudError(`${where}: expected text, found ${JSON.stringify(plain)}`);
  }

  #list(value: Json, where: string): readonly Json[] {
    const list = this.#value(value, where);
    if (list === noValue || !isJsonArray(list)) throw new LocalCloudError(`${where}: expected a list`);
    return list;
  }

  #pair(argument: Json, where: string): readonly [Json, Json] {
    const [first, second] = isJsonArray(argument) ? argument : [];
    if (first === undefined || second === undefined)
      throw new LocalCloudError(`${where}: expected two arguments`);
    return [first, second];
  }
}

/** @throws LocalCloudError for a value that CloudFormation would not take for this parameter */
function checkParameter(name: string, value: string, definition: JsonObject): void {
  const { Type, AllowedValues, AllowedPattern, MinLength, MaxLength, MinValue, MaxValue } = definition;
  const refuse = (why: string): never => {
    throw new LocalCloudError(`the template's parameter ${name} cannot be '${value}': ${why}`);
  };
  if (isJsonArray(AllowedValues) && !AllowedValues.map(String).includes(value))
    refuse(`allowed are ${AllowedValues.join(', ')}`);
  if (typeof AllowedPattern === 'string' && !new RegExp(`^(?:${AllowedPattern})$`, 'u').test(value))
    refuse(`it does not match ${AllowedPattern}`);
  if (value.length < Number(MinLength ?? 0) || value.length > Number(MaxLength ?? Infinity))
    refuse('its length is not allowed');
  if (Type !== 'Number') return;
  const number = Number(value);
  if (value === '' || Number.isNaN(number)) refuse('it is no number');
  if (number < Number(MinValue ?? -Infinity) || number > Number(MaxValue ?? Infinity))
    refuse('it is out of range');
}
