export type { Json, JsonObject } from '../base/json.ts';
export type { ResourceType } from './resource-types.ts';
export { type EvaluatedTemplate, evaluateTemplate, type StackSettings } from './template.ts';
