import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** SSM refuses a document whose content, with the parameters of the call, is larger. Source: General Reference, SSM quotas. */
const maximumDocumentBytes = 64 * 1024;
/** Room that is kept for the request. `shared/core/model/request.ts` refuses a larger one. */
const maximumRequestCharacters = 17 * 1024;

/**
 * A script as it goes into a document: without comments and indentation, which would take a third of the room, and with
 * lines joined where that takes nothing but a blank.
 * Here-documents stay as they are; the scripts have no other text of several lines, and no text with " # " in it, which
 * a test makes sure of.
 *
 * @param {string} text
 */
export function compactScript(text) {
  let compact = '';
  let end;
  for (const line of text.split('\n')) {
    if (end !== undefined) {
      compact += `${line}\n`;
      if (line === end) end = undefined;
      continue;
    }
    const code = line.trimStart().replace(/\s+# .*$/, '');
    if (code === '' || code.startsWith('#')) continue;
    // In JSON the end of a line takes two bytes
    if (/(?:^|\s)(?:then|do|else|in|\{)$/.test(code)) compact += `${code} `;
    else if (code.endsWith(' \\')) compact += code.slice(0, -1);
    else if (code.endsWith(';;')) compact += code;
    else compact += `${code}\n`;
    end = /(?<!<)<<(?!<)\s*(['"]?)([A-Z]+)\1/.exec(code)?.[2];
  }
  if (end !== undefined) throw new Error(`a here-document has no end "${end}"`);
  return compact;
}

/** What a script sources beside `request.sh`, without `.sh`. */
const sourced = { push: ['transfer'], leave: ['transfer'], rescue: ['transfer'] };

/**
 * What is sourced, without the functions that nothing in the document names: there is no room for what is not used.
 *
 * @param {readonly string[]} texts what is sourced, and at the end the script itself
 */
export function dropUnusedFunctions(texts) {
  const script = texts.at(-1);
  const pieces = texts.slice(0, -1).flatMap((text) => text.split(/^(?=\w+\(\) \{)|(?<=^\}\n)/m));
  const nameOf = (piece) => /^(\w+)\(\) \{/.exec(piece)?.[1];
  const used = new Set(pieces.filter((piece) => nameOf(piece) === undefined));
  for (let before = -1; before !== used.size; ) {
    before = used.size;
    const words = new Set([...used, script].map(compactScript).join('').match(/\w+/g));
    for (const piece of pieces) if (words.has(nameOf(piece))) used.add(piece);
  }
  return [pieces.filter((piece) => used.has(piece)).join(''), script];
}

/**
 * The SSM document that runs one script of `host/`. The request arrives by raw interpolation, which every version
 * of the agent does alike; its pattern admits nothing that a shell could read as more than one word.
 *
 * @param {string} name the script's name without `.sh`; also the step's name
 * @param {string} directory where the scripts are
 * @param {number} timeoutSeconds when the agent kills the script
 */
export function hostDocument(name, directory, timeoutSeconds) {
  const script = dropUnusedFunctions(
    ['request', ...(sourced[name] ?? []), name].map((file) =>
      readFileSync(join(directory, `${file}.sh`), 'utf8'),
    ),
  ).map(compactScript);
  const content = {
    schemaVersion: '2.2',
    description: `hostsync: runs host/${name}.sh with the given request`,
    parameters: {
      request: {
        type: 'String',
        description: 'The request of docs/host-scripts.md, in base64',
        allowedPattern: '^[A-Za-z0-9+/=]*$',
        minChars: 4,
        maxChars: maximumRequestCharacters,
      },
    },
    mainSteps: [
      {
        action: 'aws:runShellScript',
        name,
        precondition: { StringEquals: ['platformType', 'Linux'] },
        inputs: {
          timeoutSeconds: String(timeoutSeconds),
          runCommand: ['#!/bin/bash', "set -- --base64 '{{ request }}'", ...script],
        },
      },
    ],
  };
  const bytes = Buffer.byteLength(JSON.stringify(content));
  if (bytes + maximumRequestCharacters > maximumDocumentBytes)
    throw new Error(
      `host/${name}.sh makes a document of ${bytes} bytes, which leaves less than ${maximumRequestCharacters} of SSM's ${maximumDocumentBytes} for the request: shorten the script`,
    );
  if (script.some((text) => text.includes('{{')))
    throw new Error(
      `host/${name}.sh or host/request.sh has "{{", which SSM would interpolate: write it another way`,
    );
  return content;
}

/** When the agent kills a script, in seconds. A push may bring many gigabytes; nothing waits for it but its own secondary. */
const timeouts = { push: 3600, join: 300, promote: 120, leave: 900, rescue: 3600, probe: 60 };

/** Serverless plugin: where an `AWS::SSM::Document` has `Content: host/NAME.sh`, puts the document made of that script. */
export default class HostDocuments {
  constructor(serverless) {
    this.hooks = {
      'after:aws:package:finalize:mergeCustomProviderResources': () => {
        const directory = join(serverless.serviceDir, 'host');
        const { Resources } = serverless.service.provider.compiledCloudFormationTemplate;
        for (const resource of Object.values(Resources)) {
          if (resource.Type !== 'AWS::SSM::Document' || typeof resource.Properties.Content !== 'string')
            continue;
          const name = basename(resource.Properties.Content, '.sh');
          if (!(name in timeouts))
            throw new Error(
              `serverless.yml: Content: ${resource.Properties.Content} names no script of host/`,
            );
          resource.Properties.Content = hostDocument(name, directory, timeouts[name]);
        }
      },
    };
  }
}
