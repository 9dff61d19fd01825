/** What every command takes. */
export interface CommonOptions {
  readonly profile?: string;
  readonly region?: string;
  readonly stage: string;
  readonly endpoint?: string;
  readonly tagPrefix?: string;
  readonly output: OutputFormat;
  readonly color: boolean;
  readonly debug?: boolean;
}

export const outputFormats = ['table', 'json', 'tsv'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** What every command takes that changes something. */
export interface ActionOptions extends CommonOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  /** Seconds. */
  readonly timeout: number;
}
