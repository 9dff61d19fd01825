import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { must, uploads } from './group.ts';
import { killGroup, type ScriptGroup, startScriptGroup } from './script-group.ts';

/** `HOSTSYNC_CHURN_SEED=123 npm run integration -- churn` does the same again. */
const seed = Number(process.env['HOSTSYNC_CHURN_SEED'] ?? Date.now() % 1_000_000);
const rounds = Number(process.env['HOSTSYNC_CHURN_ROUNDS'] ?? 14);
let group: ScriptGroup;

beforeAll(async () => {
  console.log(`churn: seed ${seed}`);
  group = await startScriptGroup({ secondaries: 2, diskBytes: 1e9 });
});
afterAll(() => group?.close());

/** Mulberry32: numbers from 0 to below 1, the same for the same seed. */
function randomNumbers(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// What editors and software do, and what nobody should; every operation may fail, for its names may not be there.
const editor = String.raw`
set -u; cd ${uploads}; RANDOM=$1; count=$2; pause=$3
strange=('a b' "quote'" $'line\nbreak' $'bad\xff' '-dash' '#hash' '*star' ' lead' 'trail ' 'back\slash' 'x')
name() { local depth=$((RANDOM % 4)); path=.; while ((depth-- > 0)); do path+=/d$((RANDOM % 3)); done; path+=/n$((RANDOM % 12)); }
old() { name; [[ -e $path || -L $path ]] || { local all=(*); path=./\${all[RANDOM % \${#all[@]}]}; }; [[ $path != ./stays ]] || path=./n0; }
for ((step = 0; step < count; step++)); do
  case $((RANDOM % 18)) in
    0 | 1 | 2) name; mkdir -p "\${path%/*}"; echo $RANDOM >"$path" ;;
    3) old; [[ ! -f $path ]] || echo more >>"$path" ;;
    4) old; [[ ! -f $path ]] || printf %05d $RANDOM | dd of="$path" conv=notrunc status=none ;;
    5) old; if [[ -f $path && ! -L $path ]]; then touch -r "$path" /tmp/time; s=$(stat -c %s "$path"); head -c "$s" /dev/urandom >"$path"; touch -r /tmp/time "$path"; fi ;;
    6) old; from=$path; name; mkdir -p "\${path%/*}"; mv -T "$from" "$path" ;;
    7) name; mkdir -p "\${path%/*}"; ln -sfn "n$((RANDOM % 12))" "$path" ;;
    8) old; from=$path; name; mkdir -p "\${path%/*}"; [[ -d $from ]] || ln "$from" "$path" ;;
    9) old; [[ -L $path ]] || chmod $((RANDOM % 2))$((4 + RANDOM % 4))$((RANDOM % 8))$((RANDOM % 8)) "$path"; [[ ! -d $path || -L $path ]] || chmod u+rwx,a-st "$path"; [[ ! -f $path || -L $path ]] || chmod u+rw,a-st "$path" ;;
    10) old; chown -h $((RANDOM % 2 * 33)) "$path" ;;
    11) old; rm -rf "$path" ;;
    12) old; if [[ -d $path && ! -L $path ]]; then rm -rf "$path"; echo file >"$path"; else rm -f "$path"; mkdir "$path"; echo in >"$path/in"; fi ;;
    13) old; if [[ -d $path && ! -L $path ]]; then mv "$path" "$path.was"; ln -s d0 "$path"; fi ;;
    14) name; mkdir -p "$path/\${strange[RANDOM % 11]}/deep/er"; echo s >"$path/\${strange[RANDOM % 11]}" ;;
    15) old; [[ ! -f $path || -L $path ]] || { cp -p "$path" "$path.copy"; mv "$path.copy" "$path"; } ;;
    16) name; mkdir -p "\${path%/*}"; truncate -s $((RANDOM * 40)) "$path"; : >"$path.gone"; [[ $pause == 0 ]] || sleep "$pause"; rm "$path.gone" ;;
    17) old; if [[ -f $path && ! -L $path ]]; then touch -d "@$((RANDOM * 40000))" "$path"; fi ;;
  esac
  [[ $pause == 0 || $((RANDOM % 4)) != 0 ]] || sleep "$pause"
done 2>/dev/null
[[ $(ls -A) ]] || echo x >keep
true`.replaceAll('\\$', '$');

const options = { 'max-delete-share': 100, 'max-delete-count': 1_000_000, 'io-timeout': 5 };

it('whatever happens to the files, to pushes and to hosts: in the end all trees are the same, and no file was gone that the primary still had', async () => {
  const random = randomNumbers(seed);
  const lost: string[] = [];
  // never touched: it may not be away for a moment
  await must(
    group.primary,
    `mkdir ${uploads}/stays; for i in $(seq 30); do echo $i > ${uploads}/stays/$i; done; chown -R www-data: ${uploads}`,
  );
  await must(
    group.primary,
    `bash -c '${editor.replaceAll("'", `'\\''`)}' edit ${seed % 30000} 120 0; chown -R www-data: ${uploads}`,
  );
  expect((await group.push({ options })).code).toBe(0);
  const watch = group.secondaries.map((host) =>
    host.spawn([
      'bash',
      '-c',
      `cd ${uploads}/stays && while sleep 0.02; do for i in {1..30}; do [[ -s $i ]] || echo lost $i; done; done`,
    ]),
  );
  for (const child of watch) child.stdout?.on('data', (chunk: Buffer) => lost.push(String(chunk)));
  for (let round = 0; round < rounds; round += 1) {
    const editing = group.primary.exec([
      'bash',
      '-c',
      editor,
      'edit',
      String(Math.floor(random() * 30000)),
      '60',
      '0.02',
    ]);
    const event = random();
    const victim = group.secondary(random() < 0.5 ? 0 : 1);
    if (event < 0.35) {
      const push = group.start({ options });
      const ended = once(push, 'exit');
      await sleep(random() * 900);
      killGroup(push);
      await ended;
    } else if (event < 0.6) {
      const push = group.push({ options });
      await sleep(random() * 700);
      await victim.cutOff();
      const { code } = await push;
      expect([0, 10, 11]).toContain(code);
      if (random() < 0.5) await group.push({ options });
      await victim.heal();
    } else {
      const { code } = await group.push({ options });
      expect([0, 10, 11]).toContain(code);
    }
    const { code, stderr } = await editing;
    expect(stderr).toBe('');
    expect(code).toBe(0);
    if (random() < 0.3) await compare(`after round ${round}`);
  }
  await compare('in the end');
  for (const child of watch) child.kill('SIGKILL');
  expect(lost, `seed ${seed}`).toEqual([]);
  expect(await must(group.primary, 'ls /var/lib/hostsync/run')).toBe('');
  // what is kept does not grow: a manifest of each secondary and of the group, each an index and two files of records at most
  const kept = await must(group.primary, 'cd /var/lib/hostsync/manifest/web && find . -maxdepth 1 -type f');
  const files = kept.trim().split('\n').sort();
  const indexes = files.filter((name) => name.endsWith('.index'));
  const records = files.filter((name) => name.endsWith('.records'));
  const others = files.filter((name) => !indexes.includes(name) && !records.includes(name));
  expect(indexes.length, kept).toBeLessThanOrEqual(4);
  expect(records.length, kept).toBeLessThanOrEqual(2 * indexes.length);
  expect(others.length, kept).toBeLessThanOrEqual(4);
});

/** With nobody editing: one push, or two if a host was still busy with one that had been cut off, and no verification. */
async function compare(when: string): Promise<void> {
  // as the owner over there will be, so that trees can be the same
  await must(group.primary, `chown -hR www-data: ${uploads}`);
  for (let tries = 0; ; tries += 1) {
    const { secondaries, lines } = await group.push({ options });
    if (secondaries.every(({ ok }) => ok)) break;
    if (tries > 8) throw new Error(`seed ${seed}, ${when}: ${JSON.stringify(lines)}`);
    await sleep(1000);
  }
  const links = (host: typeof group.primary) =>
    must(host, `cd ${uploads}; find . -type f -links +1 -printf '%n %p\\0' | LC_ALL=C sort -z | base64 -w0`);
  const expected = await links(group.primary);
  for (const secondary of group.secondaries) {
    expect(await group.differences(secondary), `seed ${seed}, ${when}`).toEqual([]);
    expect(await links(secondary), `hard links: seed ${seed}, ${when}`).toBe(expected);
  }
}
