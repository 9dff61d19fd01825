/** What belongs to an account, and the word that stands for it. In this order: what contains another comes first. */
const kinds: readonly (readonly [word: string, pattern: RegExp])[] = [
  ['arn', /\barn:[\w-]+:[\w:*/.@+=,-]+/gu],
  ['mail', /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/gu],
  ['name', /\b(?:[\w-]+\.)+(?:amazonaws\.com|compute\.internal|ec2\.internal)(?:\.cn)?\b/gu],
  ['key', /\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b/gu],
  ['id', /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gu],
  ['resource', /\b(?:i|mi|vpc|subnet|sg|sgr|eni|vol|ami|lt|eipalloc|eipassoc|igw|rtb|r)-[0-9a-f]{8,}\b/gu],
  ['address', /(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)/gu],
  ['address', /(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}(?::?[0-9a-f]{1,4})?(?![\w:])/giu],
  ['account', /(?<!\d)\d{12}(?!\d)/gu],
];

/**
 * Takes account data out of texts. The same value gets the same word each time, so that a reader can still tell two hosts apart.
 */
export class Scrubber {
  readonly #words = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  /** @param known what belongs to the account, whatever it looks like: names of buckets, of roles, of the caller */
  constructor(known: readonly string[] = []) {
    for (const value of known) if (value.length > 2) this.#wordOf('private', value);
  }

  text(text: string): string {
    // The longest first: one may be a part of another
    const known = [...this.#words.keys()].sort((one, other) => other.length - one.length);
    const without = known.reduce((done, value) => done.replaceAll(value, this.#words.get(value) ?? ''), text);
    return this.#patterns(without);
  }

  /** Every text in a value, at every depth; keys as well. */
  value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((each) => this.value(each));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [this.text(key), this.value(each)]));
  }

  /** Again until nothing is found: what was taken out may have stood right beside something else. */
  #patterns(text: string): string {
    const done = kinds.reduce(
      (sofar, [word, pattern]) => sofar.replace(pattern, (value) => this.#wordOf(word, value)),
      text,
    );
    return done === text ? done : this.#patterns(done);
  }

  #wordOf(kind: string, value: string): string {
    const found = this.#words.get(value);
    if (found !== undefined) return found;
    const number = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, number);
    const word = `<${kind}-${number}>`;
    this.#words.set(value, word);
    return word;
  }
}

/** What of an account is still in a text, for a last look before it is written. */
export function accountDataIn(text: string, known: readonly string[] = []): readonly string[] {
  const found = kinds.flatMap(([, pattern]) => text.match(pattern) ?? []);
  return [...new Set([...found, ...known.filter((value) => value.length > 2 && text.includes(value))])];
}
