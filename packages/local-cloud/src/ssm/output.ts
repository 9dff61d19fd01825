const maximumBytes = 24_000;
const maximumStderrCharacters = 8_000;
const maximumListedBytes = 2_500;

const suffix = '--output truncated--';
const stdoutSuffix = '\n---Output truncated---';
const stderrTitle = '\n----------ERROR-------\n';
const stderrSuffix = '\n---Error truncated----';

/** Standard output for `GetCommandInvocation`. */
export function reportedStdout(output: Buffer): string {
  return truncate(output);
}

/**
 * Standard error for `GetCommandInvocation`: the agent reports as much of it as of standard output, and SSM gives out the first 8,000 characters
 * of that.
 */
export function reportedStderr(output: Buffer): string {
  return [...truncate(output)].slice(0, maximumStderrCharacters).join('');
}

/**
 * The head, cut by bytes, so that a character may be cut in half; and as soon as the limit is reached, not only when it is exceeded.
 *
 * @see amazon-ssm-agent agent/framework/runpluginutil/runpluginutil.go, RunPlugins; agent/plugins/pluginutil/pluginutil.go, StringPrefix
 */
function truncate(output: Buffer): string {
  if (output.length < maximumBytes) return output.toString('utf8');
  return head(output, maximumBytes - suffix.length) + suffix;
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
