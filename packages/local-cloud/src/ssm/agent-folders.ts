import type { Host } from '../hosts/host.ts';

/** Where the agent keeps a step's script and its output on the host. */
export interface StepFolders {
  readonly script: string;
  /** of the folder with stdout, stderr, stdoutConsole and stderrConsole */
  readonly output: string;
}

/**
 * The folders of one step of schema 2.2. Nothing removes them for two weeks.
 *
 * @see amazon-ssm-agent agent/framework/runpluginutil/runpluginutil.go, executePlugin; agent/plugins/runscript/runscript.go
 */
export function stepFolders(instanceId: string, commandId: string, step: string): StepFolders {
  const command = `/var/lib/amazon/ssm/${instanceId}/document/orchestration/${commandId}`;
  return { script: `${command}/${step}/_script.sh`, output: `${command}/awsrunShellScript/${step}` };
}

// Each process that is not started here is saved once a command
const prepareScript = `
mkdir -p -- "$2" "\${1%/*}" && : >>"$2/stdout" && : >>"$2/stderr" && : >>"$2/stdoutConsole" && : >>"$2/stderrConsole"
cat >"$1" && chmod 700 "$1"`;

/** Writes the script. Throws with the host's words if that fails, as on a full disk. */
export async function prepareStep(host: Host, folders: StepFolders, script: string): Promise<void> {
  const { code, stderr } = await host.exec(
    ['sh', '-c', prepareScript, 'sh', folders.script, folders.output],
    {
      stdin: script,
    },
  );
  if (code !== 0) throw new Error(stderr.trim());
}

/** A write that fails is only logged, so what did not fit on the disk is lost, and nothing else happens. */
const storeScript = `
[ -d "$1" ] || mkdir -p -- "$1"; cd -- "$1" || exit 0
if [ "$4" = 0 ]; then cat >>stdoutConsole; : >>stderrConsole; else head -c "$2" >>stdoutConsole; cat >>stderrConsole; fi
cat <stdoutConsole >stdout; : >stderr; [ ! -s stderrConsole ] || cat <stderrConsole >stderr
head -c "$3" stdoutConsole | base64 -w0; echo
[ ! -s stderrConsole ] || head -c "$3" stderrConsole | base64 -w0`;

/** Of both outputs together the agent reports at most so much. */
const readBytes = 256 * 1024;

export interface StepOutput {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/**
 * Puts a step's output into its files, behind that of an earlier run (before a reboot), and reads it back: what the agent reports is what
 * its files hold.
 *
 * @returns undefined when the host died meanwhile
 */
export async function storeOutput(
  host: Host,
  folders: StepFolders,
  output: StepOutput,
): Promise<StepOutput | undefined> {
  const words = [
    'sh',
    '-c',
    storeScript,
    'sh',
    folders.output,
    String(output.stdout.length),
    String(readBytes),
    String(output.stderr.length),
  ];
  try {
    const { code, stdout } = await host.exec(words, { stdin: Buffer.concat([output.stdout, output.stderr]) });
    if (code !== 0) return undefined;
    const [first = '', second = ''] = stdout.split('\n');
    return { stdout: Buffer.from(first, 'base64'), stderr: Buffer.from(second, 'base64') };
  } catch {
    return undefined;
  }
}
