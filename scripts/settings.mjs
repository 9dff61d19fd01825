import { join } from 'node:path';
import { build } from 'esbuild';

/** What makes a package, and so takes settings. `remove`, `logs` and the like work whatever stands in settings.yml. */
const packaging = new Set(['package', 'deploy', 'print']);

/** `checkSettings` of shared/edge/settings.ts: of TypeScript, which not every Node.js from 20 on can read. */
async function loadCheck(directory) {
  const { outputFiles } = await build({
    entryPoints: [join(directory, 'shared', 'edge', 'settings.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
  });
  const { checkSettings } = await import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`
  );
  return checkSettings;
}

/** `--param="NAME=VALUE"`, as often as it was given. */
function readParams(options) {
  return Object.fromEntries(
    [options.param ?? []].flat().map((text) => {
      const end = text.indexOf('=');
      return end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end + 1).trimEnd()];
    }),
  );
}

/**
 * Serverless plugin: checks what was set, in settings.yml and with --param, with the schemas that the functions read it with; before
 * the framework says something about the places where the values end up.
 */
export default class Settings {
  constructor(serverless, options, { log }) {
    const [command, what] = serverless.processedInput.commands;
    if (command === 'invoke' && what === 'local')
      throw new serverless.classes.Error(
        'serverless invoke local cannot load ES modules, which these functions are: use npm start and the local cloud (packages/local-cloud), or serverless invoke for a function that is deployed',
        'INVOKE_LOCAL',
      );
    const { params = {} } = serverless.configurationInput;
    const { stage } = serverless.service.provider;
    const file = { ...params.default, ...params[stage] };
    const given = readParams(options);
    const settings = { ...file, ...given };
    const outside = Object.keys(params).filter((name) => typeof params[name] !== 'object');
    if (outside.length > 0)
      throw new serverless.classes.Error(
        `settings.yml: ${outside.join(', ')} must stand in a section, under "default" or the name of a stage`,
        'SETTINGS',
      );
    if (packaging.has(command)) this.asyncInit = () => this.check(serverless, stage, settings);
    this.hooks = {
      'after:package:finalize': () => {
        const lost = Object.keys(given).filter((name) => String(file[name]) !== given[name]);
        if (lost.length > 0)
          log.warning(
            `${lost.join(', ')}: given with --param, so the next deployment without it sets the value back. To keep it, write it under "${stage}" into settings.yml`,
          );
        if (!(stage in params) && Object.keys(params).length > 1)
          log.notice(`settings.yml has no section "${stage}": the defaults hold`);
      },
      'after:deploy:deploy': () => {
        const email = settings['alert-email'];
        if (email)
          log.notice(
            `Alerts go to ${email} once the link in the mail from AWS ("AWS Notification - Subscription Confirmation") was followed`,
          );
      },
    };
  }

  async check(serverless, stage, settings) {
    const checkSettings = await loadCheck(serverless.serviceDir);
    try {
      checkSettings(stage, settings);
    } catch (error) {
      throw new serverless.classes.Error(error.message, 'SETTINGS');
    }
  }
}
