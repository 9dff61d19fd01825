import tab from '@bomb.sh/tab/commander';
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

const whole = (text: string): number => {
  if (!/^[1-9]\d{0,5}$/u.test(text)) throw new InvalidArgumentError('Give a whole number from 1.');
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
  addView(program, run);
  addRecords(program, run);
  addActing(program, run);
  addPromotions(program, run);
  addSteering(program, run);
  addSetup(program, run);
  tab(program, { completionCommandName: 'completion' });
  const completion = program.commands.find((command) => command.name() === 'completion');
  completion
    ?.helpGroup('Set up')
    .description(
      'Prints what a shell needs to complete the commands and their options, for example: source <(hostsync completion bash)',
    )
    .summary('completion for bash, zsh, fish and PowerShell');
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

/** 0: any that is free. */
const freePort = (text: string): number => {
  const port = Number(text);
  if (!/^\d{1,5}$/u.test(text) || port > 65_535) throw new InvalidArgumentError('Give a port, 0 to 65535.');
  return port;
};

function addView(program: Command, run: RunOnDeployment): void {
  program
    .command('view')
    .helpGroup('See')
    .summary('the live page, in a browser')
    .description(
      'Serves a page that shows all groups as they are, on this machine alone. It changes nothing.',
    )
    .option('--port <port>', 'of 127.0.0.1; any that is free without it', freePort, 0)
    .option('--interval <seconds>', 'between two looks, while the page is open', whole, 5)
    .action(async (options: unknown, command: Command) => {
      const chosen = v.parse(v.object({ port: seconds, interval: seconds }), options);
      await run(command.optsWithGlobals(), async (context) => {
        const { view } = await import('./commands/view.ts');
        return view(context, chosen);
      });
    });
}

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
    .option('--interval <seconds>', 'between two looks, with --watch', whole, 2)
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
    .option('--timeout <seconds>', 'how long', whole, 600)
    .action(async (given: unknown, options: unknown, command: Command) => {
      const chosen = v.parse(waitOptions, options);
      await run(command.optsWithGlobals(), async (context) => {
        const { wait } = await import('./commands/wait.ts');
        return wait(context, v.parse(group, given), chosen);
      });
    });
}

const changing = { yes: flag, dryRun: flag };
const waiting = { wait: v.optional(v.boolean(), true), timeout: seconds };
const output = v.optional(v.picklist(['table', 'json']), 'table');

const logsOptions = v.object({ follow: flag, since: seconds, level: v.picklist(['info', 'warn', 'error']) });

function outputOption(): Option {
  return new Option('-o, --output <form>', 'how it is printed').choices(['table', 'json']).default('table');
}

/** Of all commands that change something. */
function withChange(command: Command): Command {
  return command
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'show the plan and the aws line, and change nothing');
}

function withWaiting(command: Command, timeout: number): Command {
  return command
    .option('--no-wait', 'do not wait for the end')
    .option('--timeout <seconds>', 'how long to wait for the end', whole, timeout);
}

function addRecords(program: Command, run: RunOnDeployment): void {
  program
    .command('doctor')
    .helpGroup('See')
    .summary('what would stop the next push, join or promotion, and the cure')
    .description(
      'Looks at everything around a group that can be looked at from here: instance profiles, agents, security groups, room for tags, lifecycle hooks, the name of the primary, the subscription of alerts, dead letters, alarms. Each finding says why it matters and what mends it; what cannot be read is unknown.',
    )
    .argument('[group]', 'the group')
    .addOption(outputOption())
    .option('--all', 'name the checks that passed as well')
    .action(async (given: unknown, options: unknown, command: Command) => {
      const chosen = v.parse(v.object({ output, all: flag }), options);
      await run(command.optsWithGlobals(), async (context) => {
        const { doctor } = await import('./commands/doctor.ts');
        return doctor(context, v.parse(group, given), chosen);
      });
    });
  program
    .command('history')
    .helpGroup('See')
    .summary('promotions, and what is open')
    .description('Shows every promotion that is remembered, and the incidents that are open.')
    .argument('[group]', 'the group')
    .addOption(outputOption())
    .action(async (given: unknown, options: unknown, command: Command) => {
      const chosen = v.parse(v.object({ output }), options);
      await run(command.optsWithGlobals(), async (context) => {
        const { history } = await import('./commands/history.ts');
        return history(context, v.parse(group, given), chosen);
      });
    });
  program
    .command('logs')
    .helpGroup('See')
    .summary('what the service logged about a group')
    .description(
      'Shows what the functions logged about a group: each decision with its reason, and what became of it.',
    )
    .argument('[group]', 'the group')
    .option('-f, --follow', 'go on with what comes; Ctrl-C ends it')
    .option('--since <minutes>', 'how far back', whole, 60)
    .addOption(new Option('--level <level>', 'at least').choices(['info', 'warn', 'error']).default('info'))
    .action(async (given: unknown, options: unknown, command: Command) => {
      const chosen = v.parse(logsOptions, options);
      await run(command.optsWithGlobals(), async (context) => {
        const { logs } = await import('./commands/logs.ts');
        return logs(context, v.parse(group, given), chosen);
      });
    });
  program
    .command('plan')
    .helpGroup('See')
    .summary('what the service would do now')
    .description(
      'Makes the decisions of the service from what is there now, prints them with their reasons, and does nothing.',
    )
    .argument('[group]', 'the group')
    .addOption(outputOption())
    .action(async (given: unknown, options: unknown, command: Command) => {
      const chosen = v.parse(v.object({ output }), options);
      await run(command.optsWithGlobals(), async (context) => {
        const { plan } = await import('./commands/plan.ts');
        return plan(context, v.parse(group, given), chosen);
      });
    });
}

function addPromotions(program: Command, run: RunOnDeployment): void {
  withWaiting(
    withChange(
      program
        .command('switchover')
        .helpGroup('Act')
        .summary('hand the role of the primary over, with nothing lost')
        .description(
          'Hands the role of the primary to another host: writes stop, a last push, and only then the change.',
        )
        .argument('[group]', 'the group')
        .option('--to <host>', 'id or name; the best host without it'),
    ),
    900,
  ).action(async (given: unknown, options: unknown, command: Command) => {
    const chosen = v.parse(v.object({ ...changing, ...waiting, to: v.optional(v.string()) }), options);
    await run(command.optsWithGlobals(), async (context) => {
      const { switchover } = await import('./commands/switchover.ts');
      return switchover(context, v.parse(group, given), chosen);
    });
  });
  withWaiting(
    withChange(
      program
        .command('promote')
        .helpGroup('Act')
        .summary('make a host the primary, whatever is lost')
        .description(
          'Makes a host the primary by hand, past all that would keep the service from it. What other hosts hold is rescued where they come back.',
        )
        .argument('[group]', 'the group')
        .requiredOption('--to <host>', 'id or name')
        .option('--force', 'yes, whatever is lost'),
    ),
    900,
  ).action(async (given: unknown, options: unknown, command: Command) => {
    const chosen = v.parse(v.object({ ...changing, ...waiting, to: v.string(), force: flag }), options);
    await run(command.optsWithGlobals(), async (context) => {
      const { promote } = await import('./commands/switchover.ts');
      return promote(context, v.parse(group, given), chosen);
    });
  });
}

function addSteering(program: Command, run: RunOnDeployment): void {
  withChange(
    program
      .command('pause')
      .helpGroup('Act')
      .summary('no pushes and no promotion until resume')
      .description('Keeps pushes and promotions of a group from beginning.')
      .argument('[group]', 'the group')
      .option('--reason <text>', 'shown to everybody who looks'),
  ).action(async (given: unknown, options: unknown, command: Command) => {
    const chosen = v.parse(v.object({ ...changing, reason: v.optional(v.string()) }), options);
    await run(command.optsWithGlobals(), async (context) => {
      const { pause } = await import('./commands/steer.ts');
      return pause(context, v.parse(group, given), chosen);
    });
  });
  withChange(
    program
      .command('resume')
      .helpGroup('Act')
      .summary('go on after pause')
      .description('Lets pushes and promotions of a group go on.')
      .argument('[group]', 'the group'),
  ).action(async (given: unknown, options: unknown, command: Command) => {
    const chosen = v.parse(v.object(changing), options);
    await run(command.optsWithGlobals(), async (context) => {
      const { resume } = await import('./commands/steer.ts');
      return resume(context, v.parse(group, given), chosen);
    });
  });
  withChange(
    program
      .command('accept-deletions')
      .helpGroup('Act')
      .summary('carry out deletions that are held')
      .description('Accepts the deletions that the last push holds, and pushes. Later ones stay held.')
      .argument('<group>', 'the group')
      .argument('[id]', 'of the deletions, as the alert and status name it')
      .option('--timeout <seconds>', 'how long to wait for the end of the push', whole, 3600),
  ).action(async (given: unknown, id: unknown, options: unknown, command: Command) => {
    const chosen = v.parse(v.object({ ...changing, timeout: seconds }), options);
    await run(command.optsWithGlobals(), async (context) => {
      const { acceptDeletions } = await import('./commands/steer.ts');
      return acceptDeletions(context, v.parse(group, given), v.parse(group, id), chosen);
    });
  });
  withWaiting(
    withChange(
      program
        .command('resync')
        .helpGroup('Act')
        .summary('have a host join again, everything compared')
        .description(
          'Has a host join again: its key, its directories, and a first sync that compares everything.',
        )
        .argument('<group>', 'the group')
        .argument('<host>', 'id or name'),
    ),
    3600,
  ).action(async (given: unknown, host: unknown, options: unknown, command: Command) => {
    const chosen = v.parse(v.object({ ...changing, ...waiting }), options);
    await run(command.optsWithGlobals(), async (context) => {
      const { resync } = await import('./commands/steer.ts');
      return resync(context, v.parse(group, given), v.parse(v.string(), host), chosen);
    });
  });
}

function addSetup(program: Command, run: RunOnDeployment): void {
  const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];
  withWaiting(
    withChange(
      program
        .command('init')
        .helpGroup('Set up')
        .summary('make a group of hosts')
        .description(
          'Makes a group: sets the tags of its hosts and waits until every one has the files. Asks for what is not given.',
        )
        .argument('[group]', 'the name of the new group')
        .option('--primary <host>', 'the host that editors upload to, by id or name')
        .option('--directory <path>', 'a directory to keep the same; may be given several times', collect, [])
        .option('--host <host>', 'another host, by id or name; may be given several times', collect, []),
    ),
    3600,
  ).action(async (given: unknown, options: unknown, command: Command) => {
    const chosen = v.parse(initOptions, options);
    await run(command.optsWithGlobals(), async (context) => {
      const { init } = await import('./commands/init.ts');
      const { directory: directories, host: hosts, ...rest } = chosen;
      return init(context, v.parse(group, given), { ...rest, directories, hosts });
    });
  });
}

const initOptions = v.object({
  ...{ ...changing, ...waiting, primary: v.optional(v.string()) },
  directory: v.array(v.string()),
  host: v.array(v.string()),
});

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
    .option('--timeout <seconds>', 'how long to wait for its end', whole, 3600)
    .action(async (given: unknown, options: unknown, command: Command) => {
      const chosen = v.parse(v.object({ dryRun: flag, timeout: seconds }), options);
      await run(command.optsWithGlobals(), async (context) => {
        const { push } = await import('./commands/push.ts');
        return push(context, v.parse(group, given), chosen);
      });
    });
}
