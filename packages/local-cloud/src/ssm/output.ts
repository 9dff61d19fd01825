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

/**
 * For `ListCommandInvocations` with details: both streams in 2,500 bytes. Room for a suffix is kept only for the stream that is cut.
 *
 * @see amazon-ssm-agent agent/framework/processor/executer/iohandler/iohandler.go, TruncateOutput
 */
export function listedOutput(stdout: Buffer, stderr: Buffer): string {
  const title = stderr.length > 0 ? stderrTitle : '';
  const room = maximumListedBytes - title.length;
  const [long, alsoLong] = [stdout.length > Math.floor(room / 2), stderr.length > Math.floor(room / 2)];
  if (stdout.length + stderr.length < room) return stdout.toString('utf8') + title + stderr.toString('utf8');
  if (long && alsoLong) {
    const half = Math.floor((room - stdoutSuffix.length - stderrSuffix.length) / 2);
    return head(stdout, half) + stdoutSuffix + title + head(stderr, half) + stderrSuffix;
  }
  if (!long) {
    const kept = head(stderr, room - stderrSuffix.length - stdout.length);
    return stdout.toString('utf8') + title + kept + stderrSuffix;
  }
  return (
    head(stdout, room - stdoutSuffix.length - stderr.length) + stdoutSuffix + title + stderr.toString('utf8')
  );
}

function head(output: Buffer, bytes: number): string {
  return output.subarray(0, bytes).toString('utf8');
}
