/** One thing wrong with one tag. Everything an operator needs to mend it is in it. */
export interface TagProblem {
  /** The instance that carries the tag. */
  readonly instance: string;
  readonly tag: string;
  /** The value as it stands, or only the part of it that is wrong. */
  readonly value: string;
  readonly problem: string;
  readonly remedy: string;
}

/** A value, or all that keeps it from being one. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly TagProblem[] };

/** One sentence that names instance, tag, value and remedy. */
export function describeTagProblem({ instance, tag, value, problem, remedy }: TagProblem): string {
  return `${instance}: tag ${tag}, value "${value}": ${problem}; ${remedy}`;
}

export function parsed<T>(value: T, problems: readonly TagProblem[]): Parsed<T> {
  return problems.length === 0 ? { ok: true, value } : { ok: false, problems };
}

/** The words of a tag value. A tag list is separated by blanks, so no word has one. */
export function words(value: string): readonly string[] {
  return value.split(/\s+/u).filter((word) => word !== '');
}
