// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is taken out
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/gu;
const notAscii = /[^\x20-\x7e]+/gu;

/** Control characters, and those that turn the direction of what follows: a name with one would show as another name. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const deceptive = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * Text from a host, fit to be read by people: no control characters, no line breaks, no halves of characters (the client
 * of SNS throws on them), at most so many characters.
 */
export function plainText(text: string, most: number): string {
  return cut(text.toWellFormed().replace(controls, ' ').trim(), most);
}

/** Fit for the subject of an SNS message: printable ASCII, less than 100 characters. Source: API reference of SNS, Publish. */
export function subjectText(text: string): string {
  return cut(text.replace(notAscii, ' ').trim(), 99);
}

/** The name of a file as it is, with what cannot be seen made visible: it writes nothing to a terminal but itself. It is text still, never HTML. */
export function visible(name: string): string {
  const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
  return name.replace(
    deceptive,
    (character) => short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 3).replace(/[\ud800-\udbff]$/, '')}...`;
}
