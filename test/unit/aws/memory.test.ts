import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import {
  forgetGroup,
  type Memory,
  noteReconciled,
  readHeads,
  readRegister,
  writeClaim,
  writeMirror,
} from '../../../shared/aws/memory.ts';
import { noNotes } from '../../../shared/core/model/notes.ts';
import type { Claim } from '../../../shared/core/model/observation.ts';
import { startTable } from '../table.ts';

const claim = (epoch: number, more: Partial<Claim> = {}): Claim => ({
  epoch,
  holder: `i-${epoch}`,
  from: undefined,
  kind: 'failover',
  why: 'it was time',
  at: 1000 * epoch,
  ...more,
});
const fail = (error: unknown) => {
  throw error;
};
const put = ({ dynamoDb, table }: Memory, item: object) =>
  dynamoDb.send(new PutCommand({ TableName: table, Item: { pk: 'group#web', ...item } }));

describe('a claim', () => {
  it('is remembered, with those before it, in the order of their epochs', async () => {
    const memory = await startTable();
    for (const epoch of [1, 2, 10]) {
      const { head } = await readRegister(memory, 'web');
      await writeClaim(memory, 'web', claim(epoch, { from: 'i-0' }), head);
    }
    const { head, claims } = await readRegister(memory, 'web');
    expect(claims).toEqual([1, 2, 10].map((epoch) => claim(epoch, { from: 'i-0' })));
    expect(head).toEqual({ version: 3, claim: claim(10, { from: 'i-0' }), reconciledFrom: 0 });
  });

  it('of two runs that saw the same, one counts; the other finds out who holds the epoch', async () => {
    const memory = await startTable();
    await writeClaim(memory, 'web', claim(1));
    const { head } = await readRegister(memory, 'web');
    const both = [2, 3].map((number) => writeClaim(memory, 'web', claim(2, { holder: `i-${number}` }), head));
    await Promise.all(both);
    const { claims } = await readRegister(memory, 'web');
    expect(claims.map(({ epoch }) => epoch)).toEqual([1, 2]);
  });

  it.each([
    ['the same epoch', 5, 1],
    ['an older epoch', 4, 1],
    ['an older look', 6, 0],
    ['a look at nothing', 6, 7],
  ])('from %s changes nothing', async (_name, epoch, seen) => {
    const memory = await startTable();
    await writeClaim(memory, 'web', claim(5));
    const before = await memory.cloud.table('Memory').items();
    await writeClaim(memory, 'web', claim(epoch, { holder: 'i-late' }), {
      version: seen,
      claim: undefined,
    });
    expect(await memory.cloud.table('Memory').items()).toEqual(before);
  });

  it('is in the history before the next takes its place in the head', async () => {
    const memory = await startTable();
    const { from: _nobody, ...written } = claim(4);
    await put(memory, { sk: 'head', version: 4, epoch: 4, claim: written });
    const { head } = await readRegister(memory, 'web');
    // Killed before the second of its two calls
    const killed = { ...memory, dynamoDb: Object.create(memory.dynamoDb) };
    let calls = 0;
    killed.dynamoDb.send = (command: PutCommand) => {
      calls += 1;
      return calls > 1 ? Promise.reject(new Error('killed')) : memory.dynamoDb.send(command);
    };
    await expect(writeClaim(killed, 'web', claim(5), head)).rejects.toThrow('killed');
    expect((await readRegister(memory, 'web')).claims).toEqual([claim(4)]);
    await writeClaim(memory, 'web', claim(5), head);
    expect((await readRegister(memory, 'web')).claims).toEqual([claim(4), claim(5)]);
  });

  it('that cannot be read is not taken for none', async () => {
    const memory = await startTable();
    await put(memory, { sk: 'epoch#000000000003', epoch: '3', holder: 'i-3' });
    await expect(readRegister(memory, 'web')).rejects.toThrow(
      "the item group#web / epoch#000000000003 of hostsync's table is wrong: epoch",
    );
  });

  it('of a group whose name begins like another’s is not the other’s', async () => {
    const memory = await startTable();
    await writeClaim(memory, 'web', claim(1));
    expect(await readRegister(memory, 'we')).toEqual({
      head: undefined,
      claims: [],
      configuration: undefined,
      notes: noNotes,
    });
    expect(await readRegister(memory, 'alerts')).toEqual({
      head: undefined,
      claims: [],
      configuration: undefined,
      notes: noNotes,
    });
  });
});

it('tags of any text are mirrored as they are', async () => {
  const memory = await startTable();
  const tags = { 'hostsync:exclude': '{{ssm:x}} *.tmp ü', 'hostsync:paused': '' };
  await writeMirror(memory, 'web', 'i-1', { tags, digest: 'd' });
  const { head, configuration } = await readRegister(memory, 'web');
  expect(configuration).toEqual({ primary: 'i-1', tags });
  expect(head).toEqual({ version: 0, reconciledFrom: 0, configuration: 'd' });
});

describe('heads', () => {
  it('of many groups are read a hundred at a time', async () => {
    const memory = await startTable();
    const groups = Array.from({ length: 130 }, (_, index) => `g${index}`);
    for (const group of groups.slice(0, 120)) await noteReconciled(memory, group, 5, undefined, true);
    const heads = await readHeads(memory, groups, fail);
    expect(heads.size).toBe(120);
    expect(memory.cloud.calls({ operation: 'BatchGetItem' }).length).toBe(2);
  });

  it('say when the group is due, until it is not', async () => {
    const memory = await startTable();
    await noteReconciled(memory, 'web', 5, 9, true);
    expect((await readHeads(memory, ['web'], fail)).get('web')).toEqual({
      version: 0,
      reconciledFrom: 5,
      dueAt: 9,
    });
    await noteReconciled(memory, 'web', 10, undefined, false);
    expect((await readHeads(memory, ['web'], fail)).get('web')).toEqual({ version: 0, reconciledFrom: 10 });
  });

  it('of a group that was forgotten while it was looked at stay forgotten', async () => {
    const memory = await startTable();
    await noteReconciled(memory, 'web', 5, undefined, true);
    await forgetGroup(memory, 'web');
    for (const dueAt of [undefined, 9]) await noteReconciled(memory, 'web', 7, dueAt, false);
    expect(await memory.cloud.table('Memory').items()).toEqual([]);
  });

  it('that cannot be read are reported, and are not taken for none by whoever asks', async () => {
    const memory = await startTable();
    await memory.cloud.table('Memory').drop();
    const errors: unknown[] = [];
    expect((await readHeads(memory, ['web'], (error) => errors.push(error))).size).toBe(0);
    expect(errors).toMatchObject([{ name: 'ResourceNotFoundException' }]);
  });
});
