// What `npm start` shows: files that are put on a primary arrive on its secondaries. Runs inside a sandbox.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type LocalCloud, type LocalInstance, startCloud } from 'local-cloud';
import { openFleet } from 'local-cloud/hosts';
import { showFailover } from './failover.ts';
import { startLiveView } from './live-view.ts';
import { openShell } from './look-around.ts';
import type { TourOptions } from './options.ts';
import { packageWith } from './own-package.ts';
import { Presenter } from './presenter.ts';
import { pushResults, waitForSync } from './pushes.ts';
import { Stage } from './stage.ts';
import { compareTrees, readTree, type Tree } from './tree.ts';
import { showTrouble } from './trouble.ts';

const uploads = '/srv/uploads';
/** The account that web servers run as on Debian; the primary's files belong to it. */
const owner = 'www-data';

/** Shell commands that an editor's day is made of, each with what it shows. */
const changes: readonly (readonly [title: string, command: string])[] = [
  ['add 200 files', `mkdir -p new && for i in $(seq 200); do echo "upload $i" > "new/upload $i.txt"; done`],
  [
    'change what files hold, their modes and their times',
    `find . -type f -name '*.txt' | head -n 50 | while IFS= read -r f; do echo edited >> "$f"; done
     find . -type f -name '*.txt' | tail -n 20 | while IFS= read -r f; do chmod 640 "$f"; done
     ln -sf 'upload 1.txt' new/link && chmod 2750 new`,
  ],
  [
    'rename a directory and files',
    `mv new renamed && mv 'renamed/upload 2.txt' $'renamed/-two\\nlines "and" quotes.txt'`,
  ],
  [
    'delete files and a directory',
    `rm -f renamed/*1*.txt && mkdir -p gone/deep && touch gone/deep/x && rm -r gone`,
  ],
];

const parsed: TourOptions = JSON.parse(process.argv[2] ?? '');
const presenter = new Presenter();
/** How many results of pushes were shown already. */
let counted = 0;
try {
  process.exitCode = await tour(parsed);
} catch (error) {
  presenter.fail(error);
  process.exitCode = 1;
}

async function tour({ directory, tick, keep }: TourOptions): Promise<number> {
  const started = Date.now();
  const fleet = await openFleet();
  // Here a minute is a few seconds
  const variables = {
    HOSTSYNC_GROUP_WAIT: String(Math.ceil(tick)),
    HOSTSYNC_GROUP_INTERVAL: '0',
    HOSTSYNC_RESCUE_QUIET: '0',
  };
  const packageDirectory = packageWith(join('.hostsync', 'package'), variables);
  const cloud = await startCloud({
    packageDirectory,
    tickSeconds: 'manual',
    fleet,
    log: (line) => presenter.note(line),
  });
  const stage = new Stage(
    cloud,
    { directory: uploads, owner },
    keep
      ? 'The tour still plays. The buttons work after its last step.'
      : 'The tour plays by itself. For buttons that work: npm start -- --keep',
  );
  const page = await startLiveView(cloud, { network: 'machine' }, stage);
  presenter.say(`live page: ${page.address}`);
  try {
    const [primary, ...secondaries] = await presenter.step('start three hosts', () =>
      Promise.all(
        ['primary', 'secondary-1', 'secondary-2'].map((name) =>
          cloud.launch({ name, tags: { 'hostsync:group': 'tour' }, prepare }),
        ),
      ),
    );
    if (primary === undefined) throw new Error('no host was started');
    await presenter.step(`put ${directory} on the primary, in ${uploads}`, async () => {
      await primary.host.copyIn(directory, uploads);
      await must(primary, `chown -R ${owner}:${owner} ${uploads}`);
    });
    cloud.startSchedule(tick);
    presenter.say(
      `The schedule runs: the function sync every ${tick} s. Now three tags on the primary, and all else happens by itself:`,
    );
    await presenter.step('key, trust, first sync, verification', async () => {
      primary.setTags({
        'hostsync:primary': '1',
        'hostsync:directories': uploads,
        'hostsync:options': 'watch=auto',
      });
      await Promise.all(secondaries.map((secondary) => waitUntilInSync(cloud, secondary)));
    });
    let tree = await show(cloud, 'the first push', primary, secondaries);
    await showOneFile(cloud, primary, secondaries);
    for (const [title, command] of changes) {
      await presenter.step(`on the primary: ${title}`, () =>
        must(primary, `cd ${uploads} && sudo -u ${owner} bash -c "$1"`, command),
      );
      tree = await show(cloud, title, primary, secondaries);
    }
    await showTrouble(cloud, presenter, () => upload(primary, 'while-away.txt'), secondaries);
    const scaled = await scaleOut(cloud);
    tree = await show(cloud, 'the scale-out', primary, [...secondaries, ...scaled.instances]);
    await scaleIn(cloud, primary, scaled);
    const left = [...secondaries, ...scaled.instances.slice(1)];
    const next = await showFailover(cloud, presenter, upload, primary, left);
    tree = await show(cloud, 'the failover', next, [primary, ...left.filter(({ id }) => id !== next.id)]);
    const pushes = cloud.commands({ document: 'PushDocument' }).length;
    const seconds = Math.round((Date.now() - started) / 1000);
    presenter.say(
      `proven: ${tree.size} entries of every kind are the same on ${secondaries.length} secondaries, in content, type, mode, owner and mtime, ` +
        `after each of ${changes.length + 1} steps, and on ${scaled.instances.length} newcomers before they took traffic; one that was lost was told once, and its return once; the primary was killed, replaced, and what only it had was rescued; ` +
        `${cloud.invocations({ function: 'SyncLambdaFunction' }).length} ticks, ${pushes} pushes, ${seconds} s`,
    );
    if (keep) {
      stage.open(scaled.group);
      await openShell(cloud, uploads, page.address);
    }
    cloud.stopSchedule();
    // Not settle: the push of the killed primary counts as running for an hour, as it does on AWS
    const over = () => cloud.invocations().every(({ outcome }) => outcome !== undefined);
    await cloud.waitFor(over, { what: 'the end of all functions' });
    return 0;
  } finally {
    await page.close();
    await cloud.close();
    await fleet.close();
    rmSync(packageDirectory, { recursive: true, force: true });
  }
}

/** What an editor does with one file. */
function upload(to: LocalInstance, name: string): Promise<void> {
  return must(to, `sudo -u ${owner} tee "${uploads}/$1" <<< "$1" >/dev/null`, name);
}

/** What the image of a web server has. */
function prepare(instance: LocalInstance): Promise<void> {
  return must(instance, `install -d -o ${owner} -g ${owner} ${uploads}`);
}

/** What the watch is for: the push of the last tick has not ended, and sends it at once. */
async function showOneFile(
  cloud: LocalCloud,
  primary: LocalInstance,
  secondaries: readonly LocalInstance[],
): Promise<void> {
  const name = 'at-once.txt';
  const arrived = async (host: LocalInstance) => (await host.exec(['cat', `${uploads}/${name}`])).code === 0;
  const began = Date.now();
  await presenter.step('on the primary: upload one file, until it is on both secondaries', async () => {
    await upload(primary, name);
    const what = `${name} on all hosts`;
    await Promise.all(
      secondaries.map((host) => cloud.waitFor(() => arrived(host), { what, timeoutSeconds: 60 })),
    );
  });
  presenter.note(`${((Date.now() - began) / 1000).toFixed(1)} s from before the upload to its arrival`);
}

interface Scaled {
  readonly group: ReturnType<LocalCloud['createAutoScalingGroup']>;
  readonly instances: readonly LocalInstance[];
}

/** Launches two more hosts; each is held by its launch hook until it has the files. */
async function scaleOut(cloud: LocalCloud): Promise<Scaled> {
  const group = cloud.createAutoScalingGroup({
    name: 'tour',
    tags: { 'hostsync:group': 'tour' },
    launch: { prepare },
    hooks: [
      { name: 'hostsync-launch', transition: 'launching', heartbeatTimeout: 300, defaultResult: 'ABANDON' },
      {
        name: 'hostsync-terminate',
        transition: 'terminating',
        heartbeatTimeout: 300,
        defaultResult: 'CONTINUE',
      },
    ],
  });
  const instances = await presenter.step('scale out: Auto Scaling launches two hosts', () =>
    group.scaleOut(2),
  );
  const states = () => group.instances().map(({ state }) => state);
  presenter.note(`lifecycle: ${states().join(', ')}: no traffic yet`);
  await presenter.step('key, trust, first sync, verification, and only then into service', () =>
    cloud.waitFor(() => states().every((state) => state === 'InService'), {
      what: 'InService',
      timeoutSeconds: 100,
    }),
  );
  presenter.note(`lifecycle: ${states().join(', ')}`);
  return { group, instances };
}

/** Takes one of them out again. */
async function scaleIn(
  cloud: LocalCloud,
  primary: LocalInstance,
  { group, instances }: Scaled,
): Promise<void> {
  const [gone] = instances;
  if (gone === undefined) throw new Error('nothing to scale in');
  const isListed = () =>
    Object.entries(primary.tags).some(
      ([key, value]) => key.startsWith('hostsync:secondaries') && value.includes(gone.id),
    );
  await presenter.step(`scale in: Auto Scaling takes ${gone.id} out`, async () => {
    await group.scaleIn(gone);
    await cloud.waitFor(() => !isListed() && gone.state === 'terminated', { what: `${gone.id} to leave` });
  });
  presenter.note('it is off the list, and terminated');
}

async function waitUntilInSync(cloud: LocalCloud, instance: LocalInstance): Promise<void> {
  const what = `${instance.host.hostname} in sync`;
  await cloud.waitFor(() => instance.tags['hostsync:state'] === 'in-sync', { what, timeoutSeconds: 150 });
}

/** Runs a command on a host. @throws {Error} with what it said, unless it ends with 0 */
async function must(instance: LocalInstance, command: string, ...words: readonly string[]): Promise<void> {
  const { code, stderr } = await instance.exec(['bash', '-c', command, 'bash', ...words]);
  if (code !== 0) throw new Error(`on ${instance.host.hostname}: ${command}: ${stderr.trim()}`);
}

/**
 * Without what a primary that died was sending to this host just then: rsync keeps it in its own directory, whole or not, and no push
 * sends it on. The same names are rescued from the dead host.
 */
function withoutStaging(tree: Tree): Tree {
  return new Map([...tree].filter(([path]) => !/^\.\/\.~tmp~(?:\/|$)/u.test(path)));
}

/** Waits until all secondaries have what the primary has now, and shows that it is so. @returns the primary's tree */
async function show(
  cloud: LocalCloud,
  what: string,
  primary: LocalInstance,
  secondaries: readonly LocalInstance[],
): Promise<Tree> {
  const ids = secondaries.map(({ id }) => id);
  await presenter.step('wait for the push', () => waitForSync(cloud, ids, 150));
  const hosts = [primary, ...secondaries];
  const trees = await presenter.step('compare the trees', () =>
    Promise.all(hosts.map(({ host }) => readTree(host, uploads))),
  );
  const [whole, ...others] = trees;
  if (whole === undefined) throw new Error('no tree');
  const expected = withoutStaging(whole);
  const differences = others.map((tree) => compareTrees(expected, tree));
  const now = Date.now() / 1000;
  const done = pushResults(cloud);
  const since = done.slice(counted);
  counted = done.length;
  presenter.table(
    ['host', 'instance', 'state', 'files', 'seconds behind', 'sent', 'deleted', 'compared with the primary'],
    hosts.map(({ host, id }, index) => {
      const tree = trees[index];
      const count = tree === undefined ? '?' : String(files(tree));
      if (id === primary.id) return [host.hostname, id, 'primary', count, '', '', '', ''];
      const wrong = differences[index - 1]?.length ?? 0;
      const own = since.filter((push) => push.id === id);
      const started = done.findLast((push) => push.id === id && push.ok)?.started;
      const sum = (of: 'files' | 'deleted') => String(own.reduce((total, push) => total + push[of], 0));
      const proof = wrong === 0 ? 'identical' : `${wrong} differences`;
      const state = wrong === 0 ? 'in sync' : 'DIFFERS';
      return [
        host.hostname,
        id,
        state,
        count,
        started === undefined ? '?' : (now - started).toFixed(1),
        sum('files'),
        sum('deleted'),
        proof,
      ];
    }),
  );
  const wrong = differences.flatMap((lines, index) =>
    lines.map((line) => `${secondaries[index]?.host.hostname}: ${line}`),
  );
  if (wrong.length > 0) throw new Error(`after "${what}" the trees differ:\n${wrong.join('\n')}`);
  return expected;
}

function files(tree: Tree): number {
  return [...tree.values()].filter(({ type }) => type === 'f').length;
}
