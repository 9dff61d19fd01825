import { expect, it } from 'vitest';
import { startGroup, uploads } from './group.ts';

it('the editors follow the primary by its name, and a name that somebody moved is moved back', async () => {
  const name = 'edit.example.com';
  const group = await startGroup({
    secondaries: 2,
    timeScale: 20,
    // The local cloud makes this id for the first zone; on AWS it is known before the deployment
    parameters: { HostedZone: 'Z0000000000000000001', DnsNames: name },
  });
  try {
    const { cloud, primary } = group;
    const zone = cloud.createHostedZone({ name: 'example.com', id: 'Z0000000000000000001' });
    primary.setTags({ 'hostsync:dns': name });
    await group.tick();
    expect(cloud.resolve(name)).toEqual([primary.address]);
    zone.set({ name, values: ['192.0.2.1'] });
    // Nothing tells of that: it is found by the look that every group gets once in ten minutes
    await group.forgetReconciled();
    await group.tick();
    expect(cloud.resolve(name)).toEqual([primary.address]);

    const died = Date.now();
    await primary.stop();
    await cloud.waitFor(() => group.secondaries.find(({ tags }) => tags['hostsync:primary'] === '2'), {
      what: 'another primary, without a tick',
    });
    await cloud.settle();
    await group.tick();
    const next = group.secondaries.find(({ tags }) => tags['hostsync:primary'] === '2');
    expect(cloud.resolve(name)).toEqual([next?.address]);
    expect(next?.tags['hostsync:dns']).toBe(name);
    expect(next?.tags['hostsync:directories']).toBe(uploads);
    expect(cloud.dnsChanges().at(-1)?.at.getTime()).toBeGreaterThan(died);

    // What somebody made otherwise is left as it is, and the log says what to do
    zone.set({ name: 'lb.example.com', values: ['192.0.2.7'] });
    zone.set({ name, alias: { name: 'lb.example.com' } });
    await group.forgetReconciled();
    await group.tick();
    expect(cloud.resolve(name)).toEqual(['192.0.2.7']);
    expect(group.lastLog('ReconcileLambdaFunction').map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/edit\.example\.com \(A\).* is an alias of lb\.example\.com\..*hostsync:dns/u),
    );
    zone.set({ name, values: [next?.address ?? ''] });

    // A name outside of the ones that the deployment allows
    next?.setTags({ 'hostsync:dns': 'www.example.com' });
    await group.tick().catch(() => undefined);
    cloud.takeProblems();
    expect(cloud.resolve('www.example.com')).toEqual([]);
  } finally {
    await group.close().catch(() => undefined);
  }
});

it('the address that the operator chose follows the primary: a public one, or an Elastic IP', async () => {
  const name = 'edit.example.com';
  const group = await startGroup({
    secondaries: 2,
    timeScale: 20,
    hosts: [1, 2, 3].map(() => ({ publicAddress: true })),
    parameters: { HostedZone: 'Z0000000000000000001', DnsNames: name },
  });
  try {
    const { cloud, primary } = group;
    cloud.createHostedZone({ name: 'example.com', id: 'Z0000000000000000001' });
    primary.setTags({ 'hostsync:dns': name, 'hostsync:address': 'public' });
    await group.tick();
    expect(cloud.resolve(name)).toEqual([primary.publicAddress]);

    // Of another group: neither hostsync nor its role would take it away from there
    const foreign = cloud.allocateAddress({ tags: { 'hostsync:group': 'blog' } });
    primary.setTags({ 'hostsync:address': foreign.allocationId });
    await group.tick();
    expect([primary.publicAddress === foreign.publicIp, cloud.resolve(name)]).toEqual([
      false,
      [primary.publicAddress],
    ]);
    expect(group.lastLog('ReconcileLambdaFunction').map(({ message }) => message)).toContainEqual(
      expect.stringContaining(`${foreign.allocationId}) is not marked as one of this group`),
    );

    const elastic = cloud.allocateAddress({ tags: { 'hostsync:group': 'web' } });
    primary.setTags({ 'hostsync:address': elastic.allocationId });
    await group.tick();
    expect([primary.publicAddress, cloud.resolve(name)]).toEqual([elastic.publicIp, [elastic.publicIp]]);

    await primary.stop();
    const next = () => group.secondaries.find(({ tags }) => tags['hostsync:primary'] === '2');
    await cloud.waitFor(() => next(), { what: 'another primary, without a tick' });
    await cloud.settle();
    await group.tick();
    expect(next()?.publicAddress).toBe(elastic.publicIp);
    expect(next()?.tags['hostsync:address']).toBe(elastic.allocationId);
    expect(cloud.resolve(name)).toEqual([elastic.publicIp]);
    expect(cloud.dnsChanges().filter(({ caller }) => caller !== 'operator')).toHaveLength(2);
  } finally {
    await group.close();
  }
});
