/** One figure. */
export interface Figure {
  readonly name: string;
  readonly value: number | string;
  readonly unit?: 's' | 'characters' | 'commands';
}

/** What became of one step. */
export type StepResult = { readonly id: string; readonly title: string } & (
  | { readonly kind: 'measured'; readonly figures: readonly Figure[] }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'skipped'; readonly reason: string }
);

/** What AWS says to something that its documentation leaves open. */
export interface Answer {
  readonly question: string;
  /** The file with the mark. */
  readonly where: string;
  /** Undefined: not asked, and `reason` says why. */
  readonly answer?: string;
  readonly reason?: string;
}

export interface Report {
  readonly v: 1;
  readonly release: string;
  /** Day alone. */
  readonly date: string;
  readonly region: string;
  /** `AWS`, or what stood for it. */
  readonly cloud: string;
  readonly minutes: number;
  readonly steps: readonly StepResult[];
  readonly answers: readonly Answer[];
  /** What could not be removed; empty if nothing is left. */
  readonly left: readonly string[];
}

function showFigure({ name, value, unit }: Figure): string {
  const shown = typeof value === 'number' && unit === 's' ? value.toFixed(1) : String(value);
  return `${name}: ${shown}${unit === undefined ? '' : ` ${unit}`}`;
}

function outcomeOf(step: StepResult): string {
  switch (step.kind) {
    case 'measured':
      return step.figures.map(showFigure).join('<br>');
    case 'failed':
      return `FAILED: ${step.reason}`;
    case 'skipped':
      return `not measured: ${step.reason}`;
  }
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/gu, ' ');
const table = (rows: readonly (readonly string[])[]) =>
  rows.map((cells) => `| ${cells.map(cell).join(' | ')} |`);

/** For an issue. Everything in it is to be scrubbed already. */
export function reportMarkdown(report: Report): string {
  const { release, date, region, cloud, minutes, steps, answers, left } = report;
  const asked = answers.filter(({ answer }) => answer !== undefined);
  const others = answers.filter(({ answer }) => answer === undefined);
  return [
    `# hostsync ${release} on ${cloud}`,
    '',
    `${date}, ${region}, ${minutes.toFixed(0)} minutes. Ids, names, addresses and the account are taken out.`,
    '',
    '## Measured',
    '',
    ...table([['step', 'result'], ['---', '---'], ...steps.map((step) => [step.title, outcomeOf(step)])]),
    '',
    '## Open questions',
    '',
    ...table([
      ['question', 'answer', 'where'],
      ['---', '---', '---'],
      ...asked.map(({ question, answer = '', where }) => [question, answer, where]),
    ]),
    '',
    ...(others.length > 0
      ? ['Not asked:', '', ...others.map(({ question, reason = '' }) => `- ${question}: ${reason}`), '']
      : []),
    '## Afterwards',
    '',
    left.length === 0 ? 'Nothing is left in the account.' : `Left in the account: ${left.join(', ')}.`,
    '',
  ].join('\n');
}

/** Ends a run well: every step measured something, and nothing is left. */
export function isGood({ steps, left }: Pick<Report, 'steps' | 'left'>): boolean {
  return left.length === 0 && steps.every(({ kind }) => kind === 'measured');
}
