export function compactScript(text: string): string;
export function dropUnusedFunctions(texts: readonly string[]): string[];
export function hostDocument(name: string, directory: string, timeoutSeconds: number): object;
