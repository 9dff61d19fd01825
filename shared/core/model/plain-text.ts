// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is taken out
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/gu;
const notAscii = /[^\x20-\x7e]+/gu;

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

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 3).replace(/[\ud800-\udbff]$/, '')}...`;
}
