import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const project = resolve(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(join(project, file), 'utf8');
const queries = [...read('infra/queries.yml').matchAll(/Name: hostsync-\$\{sls:stage\}\/(\S+)/gu)].map(
  ([, name]) => name,
);
const runbooks = read('docs/failures.md');

describe('the saved queries', () => {
  it('are each named by a runbook of docs/failures.md, and each that is named there exists', () => {
    const named = [...runbooks.matchAll(/\[`([a-z-]+)`\]\(#queries\)/gu)].map(([, name]) => name);
    expect([...new Set(named)].sort()).toEqual([...queries].sort());
  });

  it('stand in every row of the tables of failures', () => {
    const rows = runbooks.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));
    const entries = rows.filter(
      (row) => !row.startsWith('| what happens') && !row.startsWith('| `') && !row.startsWith('| query'),
    );
    expect(entries.filter((row) => !row.includes('](#queries)'))).toEqual([]);
    expect(entries.length).toBeGreaterThan(20);
  });

  it('ask for actions and outcomes that the log has', () => {
    const code = [
      ...[
        'shared/core/membership/membership-action.ts',
        'shared/core/succession/promotion-action.ts',
        'shared/core/succession/plan-upkeep.ts',
      ],
      ...[
        'shared/core/push/push-action.ts',
        'shared/core/results/outcome-action.ts',
        'functions/alert/handler.ts',
      ],
      ...[
        'shared/core/model/domain-event.ts',
        'shared/core/model/push-event-details.ts',
        'shared/core/model/role-event-details.ts',
        'shared/reconcile/action-log.ts',
        'shared/reconcile/reconcile.ts',
      ],
    ]
      .map(read)
      .join('\n');
    const words = [
      ...read('infra/queries.yml').matchAll(/(?:action|event|outcome) (?:in \[([^\]]+)\]|= ('[^']+'))/gu),
    ]
      .flatMap(([, list, one]) => (list ?? one ?? '').split(',').map((word) => word.trim()))
      .filter((word) => word !== '');
    expect(words.length).toBeGreaterThan(30);
    expect(words.filter((word) => !code.includes(word))).toEqual([]);
  });

  it('are for log groups of functions that there are', () => {
    const groups = [
      ...read('infra/queries.yml').matchAll(/\/aws\/lambda\/hostsync-\$\{sls:stage\}-(\S+)/gu),
    ].map(([, name]) => name ?? '');
    const functions = read('serverless.yml');
    for (const name of groups) expect(functions).toContain(`\n  ${name}:\n    handler:`);
  });
});
