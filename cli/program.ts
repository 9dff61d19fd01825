import { Command, InvalidArgumentError, Option } from 'commander';
import * as v from 'valibot';
import type { Context } from './connect.ts';
import type { ExitCode } from './exit-codes.ts';

/** Nothing of the core is loaded with this file: see `connect`. Each command brings its own. */

/** Runs a command on a deployment. */
export type RunOnDeployment = (
  options: unknown,
  command: (context: Context) => Promise<ExitCode>,
) => Promise<void>;

const wholeSeconds = (text: string): number => {
  if (!/^[1-9]\d{0,5}$/u.test(text)) throw new InvalidArgumentError('Give whole seconds from 1.');
  return Number(text);
};

const seconds = v.pipe(v.number(), v.integer());
const flag = v.optional(v.boolean(), false);
const group = v.optional(v.string());

/** The program with all its commands. What it prints as help is also what docs/reference/cli.md is made from. */
export function makeProgram(run: RunOnDeployment): Command {
  const program = new Command('hostsync')
    .description('Keeps upload directories the same on every host of a group.')
    .usage('COMMAND [GROUP] [options]')
    .addOption(new Option('--profile <name>', 'profile of the AWS CLI, SSO included'))
    .addOption(new Option('--region <region>', 'AWS region'))
    .addOption(new Option('--stage <stage>', 'stage of the deployment').default('prod'))
    .addOption(
      new Option('--tag-prefix <prefix>', 'prefix of the tags, where it is not the one of the stack'),
    )
    .addOption(new Option('--endpoint <url>', 'another address of AWS, such as the local cloud'))
    .addOption(
      new Option(
        '--no-color',
        'no colours; they are off as well where NO_COLOR is set or the output is no terminal',
      ),
    )
    .addOption(new Option('--debug', 'show where an error comes from'))
    .addHelpText(
      'after',
      `
GROUP may be left out if there is only one.
Exit codes: 0 in sync or done, 1 behind or refused, 2 needs attention, 64 usage, 69 service, 77 access.
More: hostsync COMMAND --help`,
    )
    .helpCommand(false)
    .showHelpAfterError('(hostsync --help, or hostsync COMMAND --help, shows how)')
    .exitOverride();
  addSeeing(program, run);
  addActing(program, run);
  for (const command of program.commands) command.exitOverride().copyInheritedSettings(program);
  return program;
}

const statusOptions = v.object({
  watch: flag,
  output: v.optional(v.picklist(['table', 'json', 'tsv']), 'table'),
  interval: v.optional(seconds, 2),
});
const waitOptions = v.object({
  inSync: flag,
  promoted: v.optional(v.string()),
  joined: v.optional(v.string()),
  timeout: seconds,
});

function addSeeing(program: Command, run: RunOnDeployment): void {
  program
    .command('status')
    .helpGroup('See')
    .summary('hosts, seconds behind, what needs you')
    .description(
      'Shows every host of a group, or of all groups: role, state, seconds behind, and what needs you.',
    )
    .argument('[group]', 'the group; all of them without it')
    .option('-w, --watch', 'look again and again, in place; Ctrl-C ends it')
    .option('--interval <seconds>', 'between two looks, with --watch', wholeSeconds, 2)
    .addOption(
      new Option('-o, --output <form>', 'how it is printed')
        .choices(['table', 'json', 'tsv'])
        .default('table'),
    )
    .action(async (given: unknown, options: unknown, command: Command) => {
      const chosen = v.parse(statusOptions, options);
      await run(command.optsWithGlobals(), async (context) => {
        const { status } = await import('./commands/status.ts');
        return status(context, v.parse(group, given), chosen);
      });
    });
  program
    .command('wait')
    .helpGroup('Script')
    .summary('until in sync, promoted or joined')
    .description('Waits until something is so. Ends with 0 when it is, and with 1 when the time is up.')
    .argument('[group]', 'the group')
    .option('--in-sync', 'what the primary holds now has reached every host that runs')
    .option('--promoted <host>', 'this host is the primary')
    .option('--joined <host>', 'this host has its first sync behind it')
    .option('--timeout <seconds>', 'how long', wholeSeconds, 600)
    .action(async (given: unknown, options: unknown, command: Command) => {
      const chosen = v.parse(waitOptions, options);
      await run(command.optsWithGlobals(), async (context) => {
        const { wait } = await import('./commands/wait.ts');
        return wait(context, v.parse(group, given), chosen);
      });
    });
}

function addActing(program: Command, run: RunOnDeployment): void {
  program
    .command('push')
    .helpGroup('Act')
    .summary('push now and show progress')
    .description(
      'Has the primary push now, as the tick does every minute, and shows what became of it. Ends with 0 when every secondary that could be pushed to has everything.',
    )
    .argument('[group]', 'the group')
    .option('--dry-run', 'show what would be pushed where, and do nothing')
    .option('--timeout <seconds>', 'how long to wait for its end', wholeSeconds, 3600)
    .action(async (given: unknown, options: unknown, command: Command) => {
      const chosen = v.parse(v.object({ dryRun: flag, timeout: seconds }), options);
      await run(command.optsWithGlobals(), async (context) => {
        const { push } = await import('./commands/push.ts');
        return push(context, v.parse(group, given), chosen);
      });
    });
}
