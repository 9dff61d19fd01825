import { CommanderError } from 'commander';
import * as v from 'valibot';
import { connect } from './connect.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { toFailure } from './failure.ts';
import { makeProgram } from './program.ts';
import { Terminal } from './terminal.ts';

const globalOptions = v.object({
  profile: v.optional(v.string()),
  region: v.optional(v.string()),
  stage: v.string(),
  tagPrefix: v.optional(v.string()),
  endpoint: v.optional(v.string()),
  color: v.boolean(),
  debug: v.optional(v.boolean(), false),
});

process.exitCode = await main(process.argv.slice(2));

/** @returns what the process ends with */
async function main(words: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok;
  const program = makeProgram(async (options, command) => {
    code = await command(await connect(v.parse(globalOptions, options)));
  });
  if (words.length === 0) {
    program.outputHelp();
    return exitCodes.usage;
  }
  try {
    await program.parseAsync([...words], { from: 'user' });
  } catch (error) {
    // Commander has said it
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    return sayFailure(error, words);
  }
  return code;
}

function sayFailure(error: unknown, words: readonly string[]): ExitCode {
  const { message, advice, exitCode } = toFailure(error);
  const terminal = new Terminal(!words.includes('--no-color'));
  const { style, symbol } = terminal.errorLook;
  terminal.say(
    [style('red', `${symbol('attention')} ${message}`), ...advice.map((line) => `  ${line}`)].join('\n'),
  );
  if (words.includes('--debug')) console.error(error);
  return exitCode;
}
