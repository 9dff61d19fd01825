/**
 * What the agent keeps of a step's output: the head, cut by bytes, so that a character may be cut in half.
 *
 * @see amazon-ssm-agent agent/framework/processor/executer/iohandler/iohandler.go, agent/plugins/pluginutil
 */
export const maximumStdoutBytes = 24_000;
export const maximumStderrBytes = 8_000;
const maximumListedBytes = 2_500;

const suffix = '--output truncated--';
const stdoutSuffix = '\n---Output truncated---';
const stderrTitle = '\n----------ERROR-------\n';
const stderrSuffix = '\n---Error truncated----';

/** For `GetCommandInvocation`. The agent cuts as soon as the limit is reached, not only when it is exceeded. */
export function truncateOutput(output: Buffer, maximumBytes: number): string {
  if (output.length < maximumBytes) return output.toString('utf8');
  return output.subarray(0, maximumBytes - suffix.length).toString('utf8') + suffix;
}

/** For `ListCommandInvocations` with details: both streams in 2,500 bytes. */
export function listedOutput(stdout: Buffer, stderr: Buffer): string {
  const title = stderr.length > 0 ? stderrTitle : '';
  if (stdout.length + title.length + stderr.length < maximumListedBytes) {
    return stdout.toString('utf8') + title + stderr.toString('utf8');
  }
  const room =
    maximumListedBytes - title.length - stdoutSuffix.length - (stderr.length > 0 ? stderrSuffix.length : 0);
  const half = Math.floor(room / 2);
  const forStderr = Math.min(stderr.length, Math.max(half, room - stdout.length));
  const forStdout = Math.min(stdout.length, room - forStderr);
  return (
    cut(stdout, forStdout, stdoutSuffix) +
    title +
    (stderr.length > 0 ? cut(stderr, forStderr, stderrSuffix) : '')
  );
}

function cut(output: Buffer, bytes: number, ending: string): string {
  return output.length <= bytes
    ? output.toString('utf8')
    : output.subarray(0, bytes).toString('utf8') + ending;
}
