export function withTagPrefix(value: unknown, prefix: string): unknown;
