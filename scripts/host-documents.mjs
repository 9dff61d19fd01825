import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packFiles, readPackage } from './host-package.mjs';

/** SSM refuses a document whose content, with the parameters of the call, is larger. Source: General Reference, SSM quotas. */
const maximumDocumentBytes = 64 * 1024;
/** Room that is kept for the request. `shared/core/model/request.ts` refuses a larger one. */
const maximumRequestCharacters = 58 * 1024;
/** How many documents carry the package, a part each. */
export const installParts = 5;

/** When the agent kills a command, in seconds. A push may bring many gigabytes; nothing waits for it but its own secondary. */
const timeouts = { push: 3600, join: 300, promote: 120, leave: 900, rescue: 3600, probe: 60, doctor: 60 };
const uninstallTimeout = 120;
const installTimeout = 120;

/** Says in JSON why the host is not ready, as the commands themselves do. Source: docs/host-package.md. */
const answer = (error, message, code) =>
  `{ echo '{"v":1,"kind":"error","error":"${error}","message":"${message}"}'; exit ${code}; }`;

const python = '/usr/bin/python3';
const releases = '/usr/local/lib/hostsync';
const noPython = answer(
  'not-ready',
  `${python} is missing or older than 3.9; install python3 of the distribution (3.9 or newer)`,
  13,
);

/** What a document knows its host by: the release has been installed there, with a Python that can run it. */
const commandLines = (release, command) => [
  `[ -x ${python} ] || ${noPython}`,
  `[ -d ${releases}/${release} ] || ${answer('other-release', `this host has not the release ${release}`, 16)}`,
  // No exec: by its ancestor, this script, the command finds the folders that the agent keeps
  `${python} -I ${releases}/${release} ${command} --compressed '{{ request }}'`,
];

/**
 * The fence of a former primary needs no Python: its epoch is over and its key is gone whatever else is missing here. What `leave` then
 * needs of the state before, it finds in held-epoch.
 */
const fenceLines = [
  'etc=/etc/hostsync var=/var/lib/hostsync',
  'fence() { # GROUP EPOCH HOLDER',
  `  here=$(sed -n 's/^epoch\\t//p' $etc/group 2>/dev/null) named=$(sed -n 's/^group\\t//p' $etc/group 2>/dev/null)`,
  '  [ -f $etc/id_ed25519 ] && [ "$named" = "$1" ] && [ "$here" -lt "$2" ] || return 0',
  '  umask 077 && mkdir -p $var && echo "$here" >$var/held-epoch',
  `  printf 'group\\t%s\\nepoch\\t%s\\nholder\\t%s\\n' "$1" "$2" "$3" >$etc/.hostsync.fence && chmod 644 $etc/.hostsync.fence`,
  '  mv -f $etc/.hostsync.fence $etc/group && rm -f $etc/id_ed25519 $etc/id_ed25519.pub && sync',
  '}',
  '[ -z "{{ fence }}" ] || fence {{ fence }} >&2',
];
const fenceParameter = {
  type: 'String',
  description: 'Group, epoch and primary that this host gives way to, separated by blanks; empty for nobody',
  default: '',
  allowedPattern: '^$|^[A-Za-z0-9._-]{1,64} [1-9][0-9]{0,14} [A-Za-z0-9][A-Za-z0-9.-]{0,252}$',
};

/**
 * The SSM document that runs one command of the package. The request arrives by raw interpolation, which every version
 * of the agent does alike; its pattern admits nothing that a shell could read as more than one word.
 *
 * @param {keyof typeof timeouts} name the command's name; also the step's name
 * @param {string} release
 */
export function commandDocument(name, release) {
  const fences = name === 'leave';
  return checked(`the document of ${name}`, maximumRequestCharacters, {
    schemaVersion: '2.2',
    description: `hostsync: runs the command ${name} of the host package, release ${release}`,
    parameters: {
      request: {
        type: 'String',
        description: 'The request of docs/host-package.md, compressed with zlib, in base64',
        allowedPattern: '^[A-Za-z0-9+/=]*$',
        minChars: 4,
        maxChars: maximumRequestCharacters,
      },
      ...(fences && { fence: fenceParameter }),
    },
    mainSteps: [
      shellStep(name, timeouts[name], [
        `# hostsync ${name}: the package is plain text in /usr/local/lib/hostsync`,
        ...(fences ? fenceLines : []),
        ...commandLines(release, name),
      ]),
    ],
  });
}

/**
 * The SSM document that brings one part of the package. Whichever part comes last installs it.
 *
 * @param {number} number from 1
 * @param {{ release: string, files: Readonly<Record<string, string>> }} package_
 * @param {string} directory that of host/
 */
export function installDocument(number, { release, files }, directory) {
  const packed = packFiles(files);
  const size = Math.ceil(packed.length / installParts);
  const part = packed.slice((number - 1) * size, number * size);
  const installer = readFileSync(join(directory, 'install.py'), 'utf8');
  const name = `install-${number}`;
  return checked(`the document ${name}`, 0, {
    schemaVersion: '2.2',
    description: `hostsync: brings part ${number} of ${installParts} of the host package, release ${release}`,
    mainSteps: [
      shellStep(name, installTimeout, [
        `${python} -I -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || ${noPython}`,
        "installer=$(cat <<'END'",
        installer,
        'END',
        ')',
        `exec ${python} -I -c "$installer" ${release} ${number} ${installParts} <<'END'`,
        part,
        'END',
      ]),
    ],
  });
}

/**
 * The SSM document that takes everything of hostsync off a host. Any release of the package can; a host that has nothing of it says so.
 *
 * @param {string} release
 */
export function uninstallDocument(release) {
  return checked('the document of uninstall', 0, {
    schemaVersion: '2.2',
    description: `hostsync: takes hostsync off the host, release ${release}`,
    parameters: {
      group: {
        type: 'String',
        description: 'The group of the host: a host of another group stays as it is',
        allowedPattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
      },
      purge: {
        type: 'String',
        description: 'Also what the operator may still need: hooks, known_hosts, files that a rescue kept',
        default: '',
        allowedValues: ['', '--purge'],
      },
    },
    mainSteps: [
      shellStep('uninstall', uninstallTimeout, [
        '# hostsync uninstall: the package is plain text in /usr/local/lib/hostsync',
        `lib=${releases} left=`,
        'for each in $lib /etc/hostsync /var/lib/hostsync /etc/sudoers.d/hostsync; do [ ! -e "$each" ] || left=$each; done',
        `[ -n "$left" ] || { echo '{"v":1,"kind":"uninstall","kept":[]}'; exit 0; }`,
        `[ -x ${python} ] || ${noPython}`,
        `[ -d $lib/${release} ] && package=$lib/${release} || package=$lib/current`,
        `[ -d "$package" ] || ${answer('other-release', 'this host has no release of hostsync, and something of it is left', 16)}`,
        `${python} -I "$package" uninstall --group '{{ group }}' {{ purge }}`,
      ]),
    ],
  });
}

function shellStep(name, timeoutSeconds, lines) {
  return {
    action: 'aws:runShellScript',
    name,
    precondition: { StringEquals: ['platformType', 'Linux'] },
    inputs: { timeoutSeconds: String(timeoutSeconds), runCommand: ['#!/bin/sh', ...lines] },
  };
}

/** What documents have SSM put in. */
const parameters = new Set(['request', 'fence', 'group', 'purge'].map((name) => `{{ ${name} }}`));

function checked(what, room, content) {
  const text = JSON.stringify(content);
  const bytes = Buffer.byteLength(text) + room;
  if (bytes > maximumDocumentBytes)
    throw new Error(`${what} has ${bytes} bytes, and SSM takes ${maximumDocumentBytes}: see installParts`);
  const interpolated = text.match(/\{\{.*?\}\}/g) ?? [];
  if (interpolated.some((each) => !parameters.has(each)))
    throw new Error(`${what} has "{{", which SSM would interpolate: write it another way`);
  return content;
}

/**
 * All documents by the text that stands for them in the template: `host: COMMAND`, `host: install-NUMBER`.
 *
 * @param {string} directory that of host/
 * @param {string} version
 * @returns {ReadonlyMap<string, object>}
 */
export function hostDocuments(directory, version) {
  const package_ = readPackage(directory, version);
  const parts = Array.from({ length: installParts }, (_, index) => index + 1);
  return new Map([
    ...Object.keys(timeouts).map((name) => [`host: ${name}`, commandDocument(name, package_.release)]),
    ['host: uninstall', uninstallDocument(package_.release)],
    ...parts.map((number) => [`host: install-${number}`, installDocument(number, package_, directory)]),
  ]);
}

/** Serverless plugin: where an `AWS::SSM::Document` has `Content: 'host: NAME'`, puts the document of that name. */
export default class HostDocuments {
  constructor(serverless) {
    this.hooks = {
      'after:aws:package:finalize:mergeCustomProviderResources': () => {
        const { version } = JSON.parse(readFileSync(join(serverless.serviceDir, 'package.json'), 'utf8'));
        const documents = hostDocuments(join(serverless.serviceDir, 'host'), version);
        const { Resources } = serverless.service.provider.compiledCloudFormationTemplate;
        for (const resource of Object.values(Resources)) {
          if (resource.Type !== 'AWS::SSM::Document' || typeof resource.Properties.Content !== 'string')
            continue;
          const content = documents.get(resource.Properties.Content);
          if (content === undefined)
            throw new Error(
              `infra/documents.yml: Content: ${resource.Properties.Content} names no command of the host package`,
            );
          resource.Properties.Content = content;
        }
      },
    };
  }
}
