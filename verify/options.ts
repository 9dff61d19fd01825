import { flag, parseFlags, text } from '../tour/flags.ts';
import { UsageError } from '../tour/options.ts';

export interface VerifyOptions {
  readonly region: string;
  readonly profile: string | undefined;
  /** Of another cloud than AWS, as the local cloud. */
  readonly endpoint: string | undefined;
  /** A stage that is deployed, and stays; undefined: one is deployed for this run and removed after it. */
  readonly deployed: string | undefined;
  readonly vpc: string | undefined;
  readonly subnets: readonly string[];
  readonly wordPress: string;
  /** Do not ask. */
  readonly yes: boolean;
  /** Take away what an earlier run left, and do nothing else. */
  readonly clean: boolean;
  /** A directory for the report. */
  readonly output: string;
}

export const usage = `usage: npm run verify-live -- --region REGION [FLAG…]

Deploys hostsync and examples/wordpress into your account, measures what only AWS can answer, writes a report without account data, and
removes everything. It says time and cost first, and asks.

  --region REGION    where
  --profile NAME     of the AWS configuration
  --yes              does not ask
  --clean            removes what a killed run left, and does nothing else
  --deployed STAGE   measures this deployment of hostsync, and leaves it; its alerts are sent as usual
  --vpc ID           a VPC with a way out to the Internet (default: the region's default VPC)
  --subnets LIST     public subnets of it, in at least two zones
  --wordpress N      the version of WordPress (default: 6.8.3)
  --output DIRECTORY for report.md and report.json (default: .hostsync/verify-live)
  --endpoint URL     of another cloud than AWS, as the local cloud; needs --deployed, --vpc and --subnets
  --help             this`;

const patterns: readonly (readonly ['region' | 'deployed' | 'vpc' | 'wordpress', RegExp])[] = [
  ['region', /^[a-z]{2}(?:-[a-z]+)+-\d$/u],
  ['deployed', /^[a-zA-Z][a-zA-Z0-9-]{0,62}$/u],
  ['vpc', /^vpc-\w+$/u],
  ['wordpress', /^\d+\.\d+(?:\.\d+)?$/u],
];

/** @throws {UsageError} naming the flag, and what it takes */
export function parseVerifyOptions(words: readonly string[]): VerifyOptions | 'help' {
  const values = parseFlags(
    words,
    {
      region: text,
      profile: text,
      endpoint: text,
      deployed: text,
      vpc: text,
      subnets: text,
      wordpress: text,
      output: text,
      yes: flag,
      clean: flag,
    },
    usage,
  );
  if (values.help === true) return 'help';
  for (const [flag, pattern] of patterns) {
    const value = values[flag];
    if (value !== undefined && !pattern.test(value)) throw refused(`--${flag} "${value}" is not well formed`);
  }
  const { region, endpoint, deployed, vpc } = values;
  if (region === undefined) throw refused('--region is missing: name the region to deploy to');
  const subnets = values.subnets?.split(',') ?? [];
  if ((vpc === undefined) !== (subnets.length === 0))
    throw refused('--vpc and --subnets belong together: give both, or neither');
  if (endpoint !== undefined && (deployed === undefined || (vpc === undefined && values.clean !== true)))
    throw refused('--endpoint needs --deployed, --vpc and --subnets: nothing is deployed or found there');
  return {
    region,
    profile: values.profile,
    endpoint,
    deployed,
    vpc,
    subnets,
    wordPress: values.wordpress ?? '6.8.3',
    yes: values.yes === true,
    clean: values.clean === true,
    output: values.output ?? '.hostsync/verify-live',
  };
}

function refused(message: string): UsageError {
  return new UsageError(`${message}\n\n${usage}`);
}
