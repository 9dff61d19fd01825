import { CreateTagsCommand, DeleteTagsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, it } from 'vitest';
import { TagWriter } from '../../../shared/aws/tags.ts';

const mock = mockClient(EC2Client);
beforeEach(() => {
  mock.reset();
  mock.on(CreateTagsCommand).resolves({});
  mock.on(DeleteTagsCommand).resolves({});
});
const writer = () => new TagWriter(new EC2Client({ region: 'us-east-1' }));
const instance = (tags: Readonly<Record<string, string>>) => ({
  id: 'i-1',
  state: 'running',
  address: undefined,
  tags,
});

it('never asks for no keys: EC2 would take every tag away', async () => {
  await writer().remove('i-1', []);
  await writer().write([], { a: 'b' });
  await writer().write(['i-1'], {});
  expect(mock.calls().length).toBe(0);
});

it('takes tags away by key, whatever their value', async () => {
  await writer().remove('i-1', ['hostsync:task']);
  expect(mock.commandCalls(DeleteTagsCommand)[0]?.args[0].input).toEqual({
    Resources: ['i-1'],
    Tags: [{ Key: 'hostsync:task' }],
  });
});

it('shows what it wrote even while EC2 still shows what was there before', async () => {
  const tags = writer();
  await tags.write(['i-1'], { state: 'in-sync' });
  await tags.remove('i-1', ['task']);
  expect(tags.overlay([instance({ state: 'joining', task: 'x', Name: 'web' })])).toEqual([
    instance({ state: 'in-sync', Name: 'web' }),
  ]);
});

it('shows nothing that EC2 refused to write', async () => {
  mock.on(CreateTagsCommand).rejects(new Error('denied'));
  const tags = writer();
  await expect(tags.write(['i-1'], { state: 'in-sync' })).rejects.toThrow('denied');
  expect(tags.overlay([instance({ state: 'joining' })])).toEqual([instance({ state: 'joining' })]);
});

const refuse = (id: string, name: string) =>
  mock.on(CreateTagsCommand).callsFake(({ Resources }) => {
    if (Resources.includes(id)) throw Object.assign(new Error(`${name}!`), { name });
    return {};
  });
const tagged = () =>
  mock
    .commandCalls(CreateTagsCommand)
    .map((call) => call.args[0].input.Resources)
    .filter((ids) => ids?.length === 1)
    .flat();

it.each(['InvalidInstanceID.NotFound', 'TagLimitExceeded'])(
  'one instance of several that cannot have tags (%s) keeps no other from them, and is reported',
  async (name) => {
    refuse('i-2', name);
    const tags = writer();
    await expect(tags.write(['i-1', 'i-2', 'i-3'], { state: 'in-sync' })).rejects.toThrow(`${name}!`);
    expect(tagged()).toEqual(['i-1', 'i-2', 'i-3']);
    expect(tags.overlay([instance({})])).toEqual([instance({ state: 'in-sync' })]);
  },
);

it('what EC2 refuses for all is not asked for again one by one', async () => {
  refuse('i-2', 'UnauthorizedOperation');
  await expect(writer().write(['i-1', 'i-2'], { a: 'b' })).rejects.toThrow('UnauthorizedOperation!');
  expect(mock.commandCalls(CreateTagsCommand).length).toBe(1);
});
