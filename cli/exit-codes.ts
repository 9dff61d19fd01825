/** What the command ends with. 64, 69 and 77 are those of sysexits.h. */
export const exitCodes = {
  /** In sync; done; reached; nothing found. */
  ok: 0,
  /** Behind; timed out; refused; warnings only. */
  behind: 1,
  /** A person has to act. */
  attention: 2,
  /** Wrong use of the command. */
  usage: 64,
  /** AWS or the stack cannot be reached. */
  unavailable: 69,
  /** No credentials, or access denied. */
  access: 77,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
