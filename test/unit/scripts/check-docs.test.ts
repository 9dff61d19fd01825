import { describe, expect, it } from 'vitest';
import { anchorsOf, checkDocument, checkSource, type Project } from '../../../scripts/check-docs.ts';

const files: Readonly<Record<string, string>> = {
  'docs/other.md': '# Other\n\n## What it *does*, with `files`\n\n## Twice\n\n## Twice\n',
  'docs/page.md': '# Here\n',
  'docs/picture.svg': '<svg/>',
  '.ci/run': '',
};
const project: Project = {
  read: (path) => files[path],
  exists: (path) => path in files || path === 'docs',
  scripts: new Set(['unit', 'start']),
  programs: new Set(['serverless', 'hostsync']),
  commands: new Map([['serverless', new Set(['deploy'])]]),
  aws: new Map([['ec2', new Map([['create-tags', new Set(['resources', 'tags'])]])]]),
};
const check = (text: string) => checkDocument('docs/page.md', text, project);

describe('a reader who follows a link', () => {
  it.each([
    ['a file', '[a](other.md)'],
    ['a folder above', '[a](../docs/other.md)'],
    ['a heading', '[a](other.md#what-it-does-with-files)'],
    ['the second heading of a name', '[a](other.md#twice-1)'],
    ['a heading of the same page', '[a](#here)'],
    ['a picture', '![a](picture.svg "title")'],
    ['another site', '[a](https://example.com/none.md#x)'],
    ['no link at all, but code', '`[a](none.md)`\n\n```\n[a](none.md)\n```\n'],
  ])('finds %s', (_, text) => {
    expect(check(text)).toEqual([]);
  });

  it.each([
    ['a file that is gone', '\n[a](none.md)', ['docs/page.md:2: none.md is not there']],
    [
      'a heading that is gone',
      '[a](other.md#none)',
      ['docs/page.md:1: other.md#none: docs/other.md has no heading for #none'],
    ],
    [
      "a file of somebody else's",
      '[a](../../secret.md)',
      ['docs/page.md:1: ../../secret.md leads out of the project'],
    ],
    [
      'two on one line',
      '[a](x.md) and [b](y.md)',
      ['docs/page.md:1: x.md is not there', 'docs/page.md:1: y.md is not there'],
    ],
  ])('is not sent to %s', (_, text, problems) => {
    expect(check(text)).toEqual(problems);
  });
});

describe('a reader of a table', () => {
  it.each([
    ['| a | b |\n| --- | :-: |\n| c | d |'],
    ['```\n| no | table |\n```'],
    ['| | |\n| --- | --- |\n| c | d |\n\ntext | with | bars'],
  ])('sees one: %j', (text) => {
    expect(check(text)).toEqual([]);
  });

  it('sees no row that an empty line has cut off its table', () => {
    expect(check('| a |\n| --- |\n| b |\n\n| c |\n| d |')).toEqual([
      "docs/page.md:5: a row of a table, without the table's head above it",
    ]);
  });
});

describe('a reader who types a command', () => {
  it.each([
    ['`npm run unit`'],
    ['```\nnpm run unit -- x\nnpm start\nnpx serverless deploy --stage prod\nnpx hostsync anything\n```'],
    ['```\nbash .ci/run\n```'],
    ['npm run none is no code here'],
    ['```\naws ec2 create-tags --resources i-1 \\\n  --tags Key=a,Value=b\n```'],
  ])('can: %s', (text) => {
    expect(check(text)).toEqual([]);
  });

  it.each([
    ['`npm run none`', 'npm run none: package.json has no such script'],
    ['`npm test`', 'npm test: package.json has no such script'],
    ['`npx other`', 'npx other: no program of the project'],
    ['`npx serverless deply`', 'npx serverless deply: no such command'],
    ['```\nbash .ci/none\n```', '.ci/none is not there'],
    ['`aws ec2 create-tag`', 'aws ec2 create-tag: AWS has no such command'],
    [
      '```\naws ec2 create-tags --resources i-1 \\\n  --tag Key=a\n```',
      'docs/page.md:2: aws ec2 create-tags --tag: AWS has no such option',
    ],
  ])('is not told to type %s', (text, problem) => {
    expect(check(text)).toEqual([expect.stringContaining(problem)]);
  });
});

it('anchors are those of GitHub', () => {
  expect([
    ...anchorsOf('# A & B: `c-d` (e)\n## [Link](x.md) _under_score\n```\n# no heading\n```\n'),
  ]).toEqual(['a--b-c-d-e', 'link-_under_score']);
});

it('messages and comments name documents that are there', () => {
  const exists = (path: string) => path === 'docs/a.md' || path === 'packages/p/docs/b.md';
  expect(
    checkSource('shared/x.ts', '// docs/a.md\n// see docs/none.md, https://example.com/docs/c.md', {
      exists,
      aws: project.aws,
    }),
  ).toEqual(['shared/x.ts:2: docs/none.md is not there']);
  expect(checkSource('packages/p/src/y.ts', '// docs/b.md', { exists, aws: project.aws })).toEqual([]);
});

it('messages name commands of the AWS CLI that are there', () => {
  const text = 'const mend = `aws ec2 create-tags --resource INSTANCE --tags Key=a,Value=b`;';
  expect(checkSource('shared/x.ts', text, { exists: () => true, aws: project.aws })).toEqual([
    'shared/x.ts:1: aws ec2 create-tags --resource: AWS has no such option',
  ]);
});
