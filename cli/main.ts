// `npx hostsync`: the operator's command. Nothing of the core may be imported here, not even by way of others: the core reads the prefix of
// tags from the environment when it is loaded, and that is known only when the deployment is found.
import { CommanderError } from 'commander';
import { type CommandError, exitCodes, explain } from './errors.ts';
import { makeProgram } from './program.ts';
import { Terminal, terminalOptions } from './terminal.ts';

const words = process.argv.slice(2);
const isDebugging = words.includes('--debug');
const terminal = new Terminal(terminalOptions(words.includes('--no-color')));
const state = { didWrite: false };
// `hostsync status | head`: who reads no more has seen enough
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? exitCodes.done : exitCodes.refused);
});

try {
  await makeProgram(terminal, state).parseAsync(words, { from: 'user' });
} catch (error) {
  process.exitCode = codeOf(error);
}

function codeOf(error: unknown): number {
  // Commander has said what it had to say
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  const told = explain(error, state.didWrite);
  if (told === undefined || isDebugging) console.error(error);
  if (told !== undefined) return say(told);
  terminal.say(
    `${terminal.symbol('attention')} This is a fault of hostsync, not yours. Please report what stands above.`,
  );
  return exitCodes.refused;
}

function say({ message, advice, exitCode }: CommandError): number {
  terminal.say(`${terminal.symbol('attention')} ${terminal.style('red', `${message.replace(/\.$/u, '')}.`)}`);
  if (advice !== undefined) terminal.say(`  ${advice}`);
  return exitCode;
}
