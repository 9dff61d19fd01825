import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { sourceOf } from '../../../view/from-deployment.ts';
import type { FirstDraw } from '../../../view/model/live.ts';
import { groupHolding, healthyGroup } from '../../../view/screenshots/sample-groups.ts';
import { startView, type View, type ViewOptions } from '../../../view/server.ts';
import { ActionRefusedError } from '../../../view/source.ts';

const token = 'a-token-that-is-long-enough-to-be-one';
const views: View[] = [];
afterEach(async () => {
  await Promise.all(views.splice(0).map((view) => view.close()));
});

let group = healthyGroup;

async function start(options: ViewOptions = {}): Promise<View> {
  group = healthyGroup;
  const source = sourceOf({
    name: 'test',
    local: true,
    overviews: async () => [group(1_700_000_000_000)],
  });
  const view = await startView(source, { token, every: 0.02, ...options });
  views.push(view);
  return view;
}

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the connection when the answer so far holds this. */
  readonly until?: string;
}

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

function ask(
  { port }: View,
  { method = 'GET', path = '/', headers = {}, body, until }: Asked,
): Promise<Answer> {
  return new Promise((done, fail) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      let text = '';
      const finish = () => done({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
        if (until === undefined || !text.includes(until)) return;
        finish();
        asked.destroy();
      });
      response.on('end', finish);
      response.on('error', () => undefined);
    });
    asked.on('error', fail);
    asked.end(body);
  });
}

const bearer = { authorization: `Bearer ${token}` };

describe('who may see the state', () => {
  it.each([
    ['nobody without the token', {}, 401],
    ['nobody with another token', { authorization: 'Bearer another-token-of-the-same-kind' }, 401],
    ['whoever has the token', bearer, 200],
    ['no page under a name of its own (DNS rebinding)', { ...bearer, host: 'evil.example:80' }, 403],
    ['no page under our address and another port', { ...bearer, host: '127.0.0.1:1' }, 403],
    ['no script of another origin', { ...bearer, origin: 'http://evil.example' }, 403],
    ['no script of another server here', { ...bearer, origin: 'http://127.0.0.1:1' }, 403],
    ['no request that another site made', { ...bearer, 'sec-fetch-site': 'cross-site' }, 403],
  ])('%s', async (_name, headers, status) => {
    const view = await start();
    for (const path of ['/api/state', '/api/events?since=x'])
      expect((await ask(view, { path, headers })).status).toBe(status);
  });

  it('the token is in the address alone, where browsers keep it to themselves', async () => {
    const view = await start();
    expect(view.address).toBe(`http://127.0.0.1:${view.port}/#${token}`);
    for (const path of ['/', '/main.js', '/style.css'])
      expect((await ask(view, { path })).body).not.toContain(token);
  });

  it('each start has another token', async () => {
    const source = async () => Promise.reject(new Error('unused'));
    const [one, other] = [await startView(source), await startView(source)];
    views.push(one, other);
    const tokenOf = ({ address }: View) => address.split('#')[1] ?? '';
    expect(tokenOf(one)).toMatch(/^[\w-]{43}$/);
    expect(tokenOf(one)).not.toBe(tokenOf(other));
  });
});

describe('the page', () => {
  it('loads nothing from elsewhere, and is shown in no other page', async () => {
    const { headers, body, status } = await ask(await start(), {});
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  });

  it('is refused under another name', async () => {
    expect((await ask(await start(), { headers: { host: 'evil.example' } })).status).toBe(403);
  });

  it('answers nothing but what is there', async () => {
    const view = await start();
    for (const path of ['/../package.json', '/%2e%2e/package.json', '/api', '/__proto__'])
      expect((await ask(view, { path })).status).toBe(404);
    expect((await ask(view, { method: 'DELETE' })).status).toBe(405);
  });
});

async function firstDraw(view: View): Promise<FirstDraw> {
  return JSON.parse((await ask(view, { path: '/api/state', headers: bearer })).body);
}

describe('the stream', () => {
  it('goes on after a cursor: nothing is lost, and nothing comes twice', async () => {
    const view = await start({ always: true });
    const { cursor, state } = await firstDraw(view);
    expect(state.groups[0]?.held).toEqual([]);
    group = groupHolding;
    const path = (since: string) => `/api/events?since=${since}`;
    const first = await ask(view, { path: path(cursor), headers: bearer, until: '"held":[{' });
    const ids = [...first.body.matchAll(/^id: (.+)$/gm)].map(([, id = '']) => id);
    expect(first.body).toContain('event: state');
    const again = await ask(view, { path: path(cursor), headers: bearer, until: ids.at(-1) ?? '' });
    expect([...again.body.matchAll(/^id: (.+)$/gm)].map(([, id]) => id).slice(0, ids.length)).toEqual(ids);
    const last = { ...bearer, 'last-event-id': ids.at(-1) ?? '' };
    const later = await ask(view, { path: '/api/events', headers: last, until: 'still here' });
    for (const id of ids) expect(later.body).not.toContain(`id: ${id}\n`);
  });

  it.each(['', 'x', '1.2', 'ffffffffffff.0', '../..'])(
    'begins anew for a cursor that is none: %j',
    async (since) => {
      const view = await start();
      const { body } = await ask(view, { path: `/api/events?since=${since}`, headers: bearer });
      expect(body).toContain('event: reset');
    },
  );
});

describe('actions', () => {
  const post = (path: string, body: string, headers: Readonly<Record<string, string>> = {}): Asked => ({
    method: 'POST',
    path,
    body,
    headers: { ...bearer, 'content-type': 'application/json', ...headers },
  });
  const pressed: unknown[] = [];
  const actions = {
    heal: async (aimed: unknown) => {
      pressed.push(aimed);
      return 'look there';
    },
    kill: async () => Promise.reject(new ActionRefusedError('There is no primary.')),
  };

  it('are done once, for whoever has the token', async () => {
    pressed.length = 0;
    const view = await start({ actions });
    const { status, body } = await ask(view, post('/api/actions/heal', '{"group":"web","host":"i-1"}'));
    expect([status, JSON.parse(body)]).toEqual([202, { watch: 'look there' }]);
    expect(pressed).toEqual([{ group: 'web', host: 'i-1' }]);
  });

  it('say why they cannot be done', async () => {
    const { status, body } = await ask(
      await start({ actions }),
      post('/api/actions/kill', '{"group":"web"}'),
    );
    expect([status, JSON.parse(body)]).toEqual([409, { reason: 'There is no primary.' }]);
  });

  it('are refused to others, and where there are none, as against AWS', async () => {
    pressed.length = 0;
    const view = await start({ actions });
    const path = '/api/actions/heal';
    const refused = [
      await ask(view, post(path, '{"group":"web"}', { authorization: 'Bearer x' })),
      await ask(view, post(path, '{"group":"web"}', { origin: 'http://evil.example' })),
      await ask(view, post(path, '{"group":"web"}', { 'content-type': 'text/plain' })),
      await ask(view, post(path, '{"group":"web","more":1}')),
      await ask(view, post(path, '{')),
      await ask(view, post(path, JSON.stringify({ group: 'x'.repeat(10_000) }))),
      await ask(view, { path, headers: bearer }),
      await ask(view, post('/api/actions/constructor', '{"group":"web"}')),
      await ask(await start(), post(path, '{"group":"web"}')),
    ];
    expect(refused.map(({ status }) => status)).toEqual([401, 403, 400, 400, 400, 400, 405, 404, 404]);
    expect(pressed).toEqual([]);
  });
});

it('says why the state cannot be read', async () => {
  const view = await startView(async () => Promise.reject(new Error('access denied')), { token });
  views.push(view);
  const { status, body } = await ask(view, { path: '/api/state', headers: bearer });
  expect([status, JSON.parse(body)]).toEqual([503, { reason: 'access denied' }]);
});

it('looks at nothing while nobody watches: against AWS each look costs calls', async () => {
  let looks = 0;
  const source = async () => {
    looks += 1;
    return Promise.reject(new Error('unused'));
  };
  const view = await startView(source, { token, every: 0.001 });
  views.push(view);
  await new Promise((done) => setTimeout(done, 50));
  expect(looks).toBe(0);
});
