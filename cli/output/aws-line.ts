/** Tags that are set on instances, and then those that are taken off them. */
export interface TagChange {
  readonly instances: readonly string[];
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

export interface Where {
  readonly region: string;
  readonly profile: string | undefined;
}

/** The command of the AWS CLI that does the same, as it can be pasted into a shell. */
export function awsLine({ instances, set, remove }: TagChange, { region, profile }: Where): string {
  const common = [
    ...['--region', region, ...(profile === undefined ? [] : ['--profile', profile])],
    ...['--resources', ...instances],
  ].map(quote);
  const tagged = Object.entries(set).map(([key, value]) => tag(key, value));
  const lines = [
    ...(tagged.length > 0 ? [['aws ec2 create-tags', ...common, '--tags', ...tagged]] : []),
    ...(remove.length > 0
      ? [['aws ec2 delete-tags', ...common, '--tags', ...remove.map((key) => quote(`Key=${key}`))]]
      : []),
  ];
  return lines.map((words) => words.join(' ')).join(' && ');
}

/** The short form takes a comma, a quotation mark or a bracket in a value for its own. */
function tag(key: string, value: string): string {
  if (/^[\w./:@+-]+$/u.test(value)) return quote(`Key=${key},Value=${value}`);
  return quote(JSON.stringify({ Key: key, Value: value }));
}

/** For a POSIX shell. */
export function quote(word: string): string {
  return /^[\w./:@%+=,-]+$/u.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
