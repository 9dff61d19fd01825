import { describe, expect, test } from 'vitest';
import { agentBlocker, checkParameters, readDocument, renderStep } from '../../../src/ssm/document.ts';
import { listedOutput, reportedStderr, reportedStdout } from '../../../src/ssm/output.ts';

function documentWith(parameters: Record<string, unknown>, inputs: Record<string, unknown> = {}) {
  return readDocument({
    logicalId: 'Push',
    name: 'push',
    arn: 'arn:aws:ssm:eu-west-1:111122223333:document/push',
    DocumentType: 'Command',
    Content: {
      schemaVersion: '2.2',
      parameters,
      mainSteps: [
        {
          action: 'aws:runShellScript',
          name: 'push',
          inputs: { runCommand: ['echo {{ request }}'], ...inputs },
        },
      ],
    },
  });
}

const base64 = { type: 'String', allowedPattern: '^[A-Za-z0-9+/=]*$' };

describe('parameters of a command', () => {
  test.each<[string, Record<string, unknown>, Record<string, string[]>, string | undefined]>([
    ['as the pattern wants it', { request: base64 }, { request: ['YWJj'] }, undefined],
    ['not as the pattern wants it', { request: base64 }, { request: ['a; rm -rf /'] }, 'InvalidParameters'],
    ['a newline in the middle', { request: base64 }, { request: ['a\nb'] }, 'InvalidParameters'],
    // Java's $ matches before it: the agent is the one that refuses
    ['a newline at the end', { request: base64 }, { request: ['a\n'] }, undefined],
    ['one too many', { request: base64 }, { request: [''], other: ['x'] }, 'InvalidParameters'],
    ['one missing', { request: base64 }, {}, 'InvalidParameters'],
    ['a default', { request: { ...base64, default: 'YQ==' } }, {}, undefined],
    ['two values for a String', { request: base64 }, { request: ['a', 'b'] }, 'InvalidParameters'],
    [
      'an allowed value',
      { request: { type: 'String', allowedValues: ['a'] } },
      { request: ['a'] },
      undefined,
    ],
    [
      'no allowed value',
      { request: { type: 'String', allowedValues: ['a'] } },
      { request: ['b'] },
      'InvalidParameters',
    ],
    ['too long', { request: { type: 'String', maxChars: 2 } }, { request: ['abc'] }, 'InvalidParameters'],
    ['too short', { request: { type: 'String', minChars: 2 } }, { request: ['a'] }, 'InvalidParameters'],
    [
      'too many items',
      { request: { type: 'StringList', maxItems: 1 } },
      { request: ['a', 'b'] },
      'InvalidParameters',
    ],
    [
      'too large with the document',
      { request: base64 },
      { request: ['a'.repeat(65_536)] },
      'MaxDocumentSizeExceeded',
    ],
  ])('%s', (_name, parameters, given, code) => {
    const check = () => checkParameters(documentWith(parameters), given);
    if (code === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ code }));
  });

  test('the agent refuses a newline at the end', () => {
    const document = documentWith({ request: base64 });
    expect(agentBlocker(document, { request: ['a\n'] })).toMatch(/does not match/);
    expect(agentBlocker(document, { request: ['a'] })).toBeUndefined();
  });
});

describe('a document that SSM or its agent would misread is refused', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>, RegExp]>([
    ['a parameter of another type', { request: { type: 'Integer' } }, {}, /String and StringList/],
    ['a name that the agent drops', { my_request: { type: 'String' } }, {}, /letters and digits/],
    [
      'a pattern without anchors',
      { request: { type: 'String', allowedPattern: '[a-z]+' } },
      {},
      /lets any text/,
    ],
    [
      'a pattern with a look-ahead',
      { request: { type: 'String', allowedPattern: '^(?!x).*$' } },
      {},
      /look-around/,
    ],
    ['an unknown input', {}, { workingDirectory: '/tmp' }, /workingDirectory/],
    ['more than 64 KB', {}, { runCommand: ['x'.repeat(66_000)] }, /64 KB/],
  ])('%s', (_name, parameters, inputs, message) => {
    expect(() => documentWith(parameters, inputs)).toThrow(message);
  });
});

describe('what the agent makes of a step', () => {
  const render = (
    parameters: Record<string, unknown>,
    inputs: Record<string, unknown>,
    values: Record<string, string[]>,
    env = true,
  ) => {
    const document = documentWith(parameters, inputs);
    const [step] = document.steps;
    if (step === undefined) throw new Error('no step');
    return renderStep(document, step, values, env);
  };

  test('puts values in as text, in one pass, whatever the shell makes of it', () => {
    const parameters = { request: { type: 'String' }, list: { type: 'StringList' } };
    const inputs = { runCommand: ['a {{request}} {{ list }}', '{{ request }}', '{{ other }}'] };
    const rendered = render(parameters, inputs, { request: ['$(id) {{ list }} $$'], list: ['x', 'y'] });
    expect(rendered?.script).toBe('a $(id) {{ list }} $ ["x","y"]\n$(id) {{ list }} $$\n{{ other }}\n');
  });

  test.each([
    ['60', 60],
    ['{{ seconds }}', 90],
    ['4', 3600],
    ['172801', 3600],
    ['60.7', 60],
    ['1e2', 100],
    ['+7', 7],
    ['4.99', 3600],
    ['-60', 3600],
    ['60s', 3600],
    ['soon', 3600],
    [undefined, 3600],
  ])('a timeout of %j is %d seconds', (timeoutSeconds, expected) => {
    const inputs = timeoutSeconds === undefined ? {} : { timeoutSeconds };
    expect(render({ seconds: { type: 'String' } }, inputs, { seconds: ['90'] })?.timeoutSeconds).toBe(
      expected,
    );
  });

  test('a parameter for the environment is text on an agent that does not know that', () => {
    const parameters = { request: { type: 'String', interpolationType: 'ENV_VAR' } };
    const values = { request: ['x'] };
    expect(render(parameters, {}, values)).toMatchObject({
      script: 'echo {{ request }}\n',
      environment: { SSM_request: 'x' },
    });
    expect(render(parameters, {}, values, false)).toMatchObject({ script: 'echo x\n', environment: {} });
  });
});

describe('output is cut at its end', () => {
  test('for GetCommandInvocation', () => {
    expect(reportedStdout(Buffer.from('x'.repeat(23_999)))).toHaveLength(23_999);
    const cut = reportedStdout(Buffer.from(`first${'x'.repeat(24_000)}last`));
    expect(cut).toHaveLength(24_000);
    expect(cut).toMatch(/^first.*x--output truncated--$/);
    expect(reportedStdout(Buffer.from('é'.repeat(12_000)))).toContain('é--output truncated--');
  });

  test('for GetCommandInvocation, of standard error: nothing says so', () => {
    expect(reportedStderr(Buffer.from('x'.repeat(8000)))).toBe('x'.repeat(8000));
    expect(reportedStderr(Buffer.from(`${'é'.repeat(8000)}last`))).toBe('é'.repeat(8000));
    expect(reportedStderr(Buffer.from(`${'x'.repeat(7999)}\u{1f600}\u{1f600}`))).toMatch(/x\u{1f600}$/u);
  });

  test('for ListCommandInvocations, with both streams', () => {
    const out = Buffer.from('o'.repeat(3000));
    const error = Buffer.from('e'.repeat(3000));
    expect(listedOutput(Buffer.from('a'), Buffer.from('b'))).toBe('a\n----------ERROR-------\nb');
    expect(listedOutput(out, Buffer.alloc(0))).toMatch(/^o+\n---Output truncated---$/);
    expect(listedOutput(out, error)).toMatch(
      /^o+\n---Output truncated---\n-+ERROR-+\ne+\n---Error truncated----$/,
    );
    expect(listedOutput(out, error).length).toBeLessThanOrEqual(2500);
    // The suffix takes room from the stream that is cut, and from that alone
    const title = '\n----------ERROR-------\n';
    const short = Buffer.from('s'.repeat(1000));
    const forStdout = 2500 - title.length - '\n---Output truncated---'.length - 1000;
    expect(listedOutput(out, short)).toBe(
      `${'o'.repeat(forStdout)}\n---Output truncated---${title}${'s'.repeat(1000)}`,
    );
    const forStderr = 2500 - title.length - '\n---Error truncated----'.length - 1000;
    expect(listedOutput(short, error)).toBe(
      `${'s'.repeat(1000)}${title}${'e'.repeat(forStderr)}\n---Error truncated----`,
    );
  });
});
