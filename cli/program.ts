import tab from '@bomb.sh/tab/commander';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { ActionOptions, CommonOptions } from './options.ts';
import { outputFormats } from './options.ts';
import type { Session } from './session.ts';
import type { Terminal } from './terminal.ts';

/** Where a command notes that it may have changed something. */
export interface RunState {
  didWrite: boolean;
}

/** What a command does, with its options and, by their names, its arguments. @returns the exit code */
type Act<Options> = (session: Session, options: Options) => Promise<number>;

/** Makes of it what commander runs. What needs the core is imported only then: see main.ts. */
type Run = <Options extends CommonOptions>(
  act: Act<Options>,
) => (...given: readonly unknown[]) => Promise<void>;

/** The argument that most commands take. */
interface Given {
  readonly group?: string;
}

function makeRun(terminal: Terminal, state: RunState): Run {
  return <Options extends CommonOptions>(act: Act<Options>) =>
    async (...given) => {
      const command = given.at(-1);
      if (!(command instanceof Command)) throw new TypeError('commander hands the command over last');
      const words = command.registeredArguments.map(
        (argument, index) => [argument.name(), command.args[index]] as const,
      );
      const options: Options = {
        ...command.optsWithGlobals<Options>(),
        ...Object.fromEntries(words.filter(([, word]) => word !== undefined)),
      };
      const { findDeployment } = await import('./deployment.ts');
      const deployment = await findDeployment(options);
      const { Session: Opened } = await import('./session.ts');
      const session = new Opened(deployment, terminal);
      try {
        process.exitCode = await act(session, options);
      } finally {
        state.didWrite = session.didWrite;
      }
    };
}

/** The whole command line. docs/reference/cli.md is made of it. */
export function makeProgram(terminal: Terminal, state: RunState = { didWrite: false }): Command {
  const program = new Command('hostsync')
    .description('Keeps upload directories the same on every host of a group: see, steer and diagnose it.')
    .exitOverride()
    .showHelpAfterError('(hostsync COMMAND --help says more)')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .option('--profile <name>', 'profile of the AWS CLI, SSO included')
    .option('--region <region>', 'AWS region of the deployment')
    .option('--stage <stage>', 'stage of the deployment', 'prod')
    .option('--tag-prefix <prefix>', 'refuse a stage whose tags begin with another prefix')
    .option('--endpoint <url>', 'endpoint of AWS, for the local cloud')
    .addOption(
      new Option('-o, --output <format>', 'form of the answer').choices(outputFormats).default('table'),
    )
    .option('--no-color', 'no colour (also with NO_COLOR=1, and where the output is no terminal)')
    .option('--debug', 'show where an error came from')
    .addHelpText(
      'after',
      `
GROUP may be left out where there is only one.
Exit codes: 0 in sync or done, 1 behind or refused, 2 needs attention, 64 wrong use, 69 AWS or the stack
cannot be reached, 77 no credentials or access denied, 130 interrupted.`,
    );
  const run = makeRun(terminal, state);
  addSeeing(program, run);
  addActing(program, run);
  addSettingUp(program, run);
  tab(program, { completionCommandName: 'completion' });
  return program;
}

function example(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

/** Seconds of an option. */
function seconds(text: string): number {
  if (!/^\d{1,6}$/u.test(text) || Number(text) === 0)
    throw new InvalidArgumentError('It must be a whole number of seconds from 1 to 999999.');
  return Number(text);
}

function port(text: string): number {
  if (!/^\d{1,5}$/u.test(text) || Number(text) === 0 || Number(text) > 65_535)
    throw new InvalidArgumentError('It must be a port, from 1 to 65535.');
  return Number(text);
}

const timeout = (fallback: number): Option =>
  new Option('--timeout <seconds>', 'seconds to wait until it is done').argParser(seconds).default(fallback);

function addSeeing(program: Command, run: Run): void {
  program
    .command('status')
    .summary('hosts, seconds behind, what needs you')
    .description('Shows every host of the group, how far behind it is, and what needs a person.')
    .argument('[group]', 'the group; all groups where it is left out')
    .option('-w, --watch', 'refresh in place until Ctrl-C')
    .addHelpText('after', example('hostsync status web', 'hostsync status -o json | jq .[].level'))
    .action(
      run<CommonOptions & Given & { watch?: boolean }>(async (session, options) =>
        (await import('./commands/status.ts')).status(session, options),
      ),
    );
  program
    .command('doctor')
    .summary('what would stop the next push, join or promotion, and the cure')
    .description(
      'Checks the account, the deployment, the group and its hosts. Each finding says why it matters and what mends it.',
    )
    .argument('[group]', 'the group; all groups where it is left out')
    .option('--all', 'list the checks that passed, too')
    .addHelpText('after', example('hostsync doctor web', 'hostsync doctor -o json'))
    .action(
      run<CommonOptions & Given & { all?: boolean }>(async (session, options) =>
        (await import('./commands/doctor.ts')).doctor(session, options),
      ),
    );
  program
    .command('history')
    .summary('promotions and incidents')
    .description('Shows who was primary when and why, and the incidents that hold now.')
    .argument('[group]', 'the group')
    .addHelpText('after', example('hostsync history web'))
    .action(
      run<CommonOptions & Given>(async (session, options) =>
        (await import('./commands/history.ts')).history(session, options),
      ),
    );
  program
    .command('logs')
    .summary("the service's log lines of the group")
    .description('Shows what the functions logged of the group: each line has its reason.')
    .argument('[group]', 'the group')
    .option('-f, --follow', 'show new lines as they come, until Ctrl-C')
    .addOption(new Option('--since <seconds>', 'how far to look back').argParser(seconds).default(3600))
    .addHelpText('after', example('hostsync logs web --since 600', 'hostsync logs web -f'))
    .action(
      run<CommonOptions & Given & { follow?: boolean; since: number }>(async (session, options) =>
        (await import('./commands/logs.ts')).logs(session, options),
      ),
    );
  program
    .command('plan')
    .summary('what hostsync would do now; does nothing')
    .description('Asks the planners of the service what they would do now, and does none of it.')
    .argument('[group]', 'the group')
    .addHelpText('after', example('hostsync plan web'))
    .action(
      run<CommonOptions & Given>(async (session, options) =>
        (await import('./commands/plan.ts')).plan(session, options),
      ),
    );
  program
    .command('view')
    .summary('a live page of all groups, for a browser')
    .description('Serves a page that shows all groups as they are, on this machine alone, until Ctrl-C.')
    .option('--port <port>', 'port on 127.0.0.1; any free one where it is left out', port)
    .addHelpText('after', example('hostsync view', 'hostsync view --port 8080'))
    .action(
      run<CommonOptions & { port?: number }>(async (session, options) =>
        (await import('./commands/view.ts')).view(session, options),
      ),
    );
  program
    .command('wait')
    .summary('until in sync, promoted or joined')
    .description(
      'Waits until a condition holds, for scripts: exit code 0 when it does, 1 when the time is over.',
    )
    .argument('<group>', 'the group')
    .option('--in-sync', 'every host has what the primary holds now')
    .option('--promoted <host>', 'this host is the primary')
    .option('--joined <host>', 'this host has all files')
    .addOption(timeout(300))
    .addHelpText(
      'after',
      example('hostsync wait web --in-sync --timeout 120', 'hostsync wait web --joined web-4'),
    )
    .action(
      run<
        CommonOptions & { group: string } & {
          inSync?: boolean;
          promoted?: string;
          joined?: string;
          timeout: number;
        }
      >(async (session, options) => (await import('./commands/wait.ts')).wait(session, options)),
    );
}

/** A command that changes something, and asks before it does. */
function acting(program: Command, name: string, summary: string, description: string): Command {
  return program
    .command(name)
    .summary(summary)
    .description(description)
    .option('--yes', 'do not ask')
    .option('--dry-run', 'show the plan alone');
}

function addActing(program: Command, run: Run): void {
  program
    .command('push')
    .summary('push now and show the result')
    .description('Pushes now, with the request of a tick, and waits for the result.')
    .argument('[group]', 'the group')
    .addOption(timeout(3600))
    .addHelpText('after', example('hostsync push web'))
    .action(
      run<ActionOptions & Given>(async (session, options) =>
        (await import('./commands/push.ts')).push(session, options),
      ),
    );
  const actions = () => import('./commands/actions.ts');
  acting(
    program,
    'switchover',
    'make another host the primary, with nothing lost',
    'Hands the role of the primary over: it stops writes, pushes what is left, then promotes.',
  )
    .argument('[group]', 'the group')
    .option('--to <host>', 'id or name of the host; the best one where it is left out')
    .addOption(timeout(600))
    .addHelpText('after', example('hostsync switchover web --to web-2', 'hostsync switchover web --dry-run'))
    .action(
      run<ActionOptions & Given & { to?: string }>(async (session, { group, to, ...options }) =>
        (await actions()).switchover(session, group, to, options),
      ),
    );
  acting(
    program,
    'pause',
    'stop pushes, joins and promotions',
    'Pauses the group: nothing is pushed, no host joins, no host is promoted.',
  )
    .argument('[group]', 'the group')
    .option('--reason <text>', 'what others read in the status', 'paused by an operator')
    .addOption(timeout(60))
    .addHelpText('after', example('hostsync pause web --reason "migration until 18:00"'))
    .action(
      run<ActionOptions & Given & { reason: string }>(async (session, { group, reason, ...options }) =>
        (await actions()).pause(session, group, reason, options),
      ),
    );
  acting(
    program,
    'resume',
    'go on after a pause, or after observing',
    'Ends a pause, or the mode observe; the next tick pushes what has changed meanwhile.',
  )
    .argument('[group]', 'the group')
    .addOption(timeout(60))
    .addHelpText('after', example('hostsync resume web'))
    .action(
      run<ActionOptions & Given>(async (session, { group, ...options }) =>
        (await actions()).resume(session, group, options),
      ),
    );
  acting(
    program,
    'accept-deletions',
    'carry out deletions that are held',
    'Accepts held deletions, and pushes them. This cannot be undone.',
  )
    .argument('<group>', 'the group')
    .argument('[id]', 'id of the held deletions; those that are held now where it is left out')
    .addOption(timeout(3600))
    .addHelpText('after', example('hostsync accept-deletions web 5c1f00d2a94be317'))
    .action(
      run<ActionOptions & { group: string; id?: string }>(async (session, { group, id, ...options }) =>
        (await actions()).acceptDeletions(session, group, id, options),
      ),
    );
  acting(
    program,
    'restore',
    'copy back what is held from deletion, or kept',
    'Copies files whose deletion is held, or that secondaries keep (option keep-deleted), back to the primary. Nothing there is overwritten.',
  )
    .argument('[group]', 'the group')
    .option('--held <id>', 'id of the held deletions; those that are held now where it is left out')
    .addOption(
      new Option(
        '--kept [time]',
        'what secondaries keep of the push of that time; which there are, where it is left out',
      ).conflicts('held'),
    )
    .addOption(
      new Option('--path <path>', 'with --kept: a file, or a directory with all that is in it').conflicts(
        'held',
      ),
    )
    .addOption(timeout(3600))
    .addHelpText(
      'after',
      example(
        'hostsync restore web --held 5c1f00d2a94be317',
        'hostsync restore web --kept --path /srv/uploads/2026/photo.jpg',
        'hostsync restore web --kept 20261128T013000Z',
      ),
    )
    .action(
      run<ActionOptions & Given & { held?: string; kept?: string | true; path?: string }>(
        async (session, { kept, path, ...options }) =>
          kept === undefined && path === undefined
            ? (await import('./commands/restore.ts')).restore(session, options)
            : (await import('./commands/restore-kept.ts')).restoreKept(session, {
                ...options,
                time: kept === true ? undefined : kept,
                path,
              }),
      ),
    );
  acting(
    program,
    'resync',
    'have a host join again',
    'Has a secondary join again: trust is set up anew, and everything is compared.',
  )
    .argument('<host>', 'id or name of the host')
    .argument('[group]', 'the group')
    .addOption(timeout(1800))
    .addHelpText('after', example('hostsync resync web-4 web'))
    .action(
      run<ActionOptions & Given & { host: string }>(async (session, { group, host, ...options }) =>
        (await actions()).resync(session, host, group, options),
      ),
    );
  acting(
    program,
    'promote',
    'make a host the primary, whatever is lost',
    'Makes a host the primary at once. What only the old primary holds is missing until that is back: then it is rescued.',
  )
    .argument('<host>', 'id or name of the host')
    .argument('[group]', 'the group')
    .option('--force', 'needed: without loss there is switchover')
    .addOption(timeout(600))
    .addHelpText('after', example('hostsync promote --force web-2 web'))
    .action(
      run<ActionOptions & Given & { host: string; force?: boolean }>(
        async (session, { group, host, force, ...options }) =>
          (await actions()).promote(session, host, group, force === true, options),
      ),
    );
  acting(
    program,
    'rotate-keys',
    'a new epoch, and a new key, for the primary',
    'Gives the primary a new epoch: it makes a new SSH key, and every secondary joins again with it.',
  )
    .argument('[group]', 'the group')
    .addOption(timeout(1800))
    .addHelpText('after', example('hostsync rotate-keys web'))
    .action(
      run<ActionOptions & Given>(async (session, { group, ...options }) =>
        (await actions()).rotateKeys(session, group, options),
      ),
    );
}

function addSettingUp(program: Command, run: Run): void {
  acting(
    program,
    'init',
    'set up a group',
    'Sets the tags of a new group, and waits until it is in sync. What is not given is asked for.',
  )
    .argument('[group]', 'name of the group')
    .option('--primary <instance>', 'id of the host that editors upload to')
    .option('--directory <path...>', 'directories to keep the same')
    .option('--host <instance...>', 'ids of the other hosts')
    .option('--observe', 'only say what would be done: nothing is changed until hostsync resume')
    .addOption(timeout(1800))
    .addHelpText(
      'after',
      example(
        'hostsync init web --primary i-0a1b2c3d4e5f60718 --host i-00112233445566778 --directory /var/www/html/uploads',
      ),
    )
    .action(
      run<
        ActionOptions & Given & { primary?: string; directory?: string[]; host?: string[]; observe?: boolean }
      >(async (session, options) => (await import('./commands/init.ts')).init(session, options)),
    );
  acting(
    program,
    'uninstall',
    'take a group out of hostsync',
    'Takes hostsync off the hosts of a group, and away what it set in the account: tags, lifecycle hooks, what is remembered. The synced files stay on every host.',
  )
    .argument('[group]', 'the group')
    .option('--purge', 'also hooks, known_hosts and what a rescue kept, which are yours')
    .addOption(timeout(300))
    .addHelpText('after', example('hostsync uninstall web --dry-run', 'hostsync uninstall web --purge'))
    .action(
      run<ActionOptions & Given & { purge?: boolean }>(async (session, options) =>
        (await import('./commands/uninstall.ts')).uninstall(session, options),
      ),
    );
}
