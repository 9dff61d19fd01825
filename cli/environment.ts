/** The only file of the command that touches the environment. */

export interface Place {
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
}

/** The SDK takes these from the environment, as the AWS CLI does; the SDK itself knows no AWS_DEFAULT_REGION. */
export function choosePlace({ profile, region, endpoint }: Place): void {
  const { env } = process;
  if (profile !== undefined) env['AWS_PROFILE'] = profile;
  const itsRegion = region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
  if (itsRegion !== undefined) env['AWS_REGION'] = itsRegion;
  if (endpoint !== undefined) env['AWS_ENDPOINT_URL'] = endpoint;
}

/** The core makes the keys of all tags of it when it is loaded: this comes before that. */
export function chooseTagPrefix(prefix: string): void {
  process.env['HOSTSYNC_TAG_PREFIX'] = prefix;
}

/** Does the terminal show more than ASCII? */
export function showsSymbols(): boolean {
  const { LC_ALL, LC_CTYPE, LANG, TERM } = process.env;
  const locale = LC_ALL || LC_CTYPE || LANG || 'C.UTF-8';
  return TERM !== 'dumb' && /utf-?8/iu.test(locale);
}
