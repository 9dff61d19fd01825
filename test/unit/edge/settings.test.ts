import { describe, expect, it } from 'vitest';
import { checkSettings, SettingsError, settings } from '../../../shared/edge/settings.ts';

const defaults: Readonly<Record<string, unknown>> = {
  'tag-prefix': 'hostsync',
  'schedule-rate': 'rate(1 minute)',
  'alert-email': '',
  'remind-after': 21_600,
  'rescue-quiet': 60,
  'group-wait': 30,
  'group-interval': 300,
  'behind-after': 300,
  'overrun-after': 60,
  failover: 'auto',
  'failover-ticks': 2,
  'promote-within': 900,
  'cool-down': 600,
  'hosted-zone': '',
  'dns-names': '',
  'join-timeout': 3600,
  'join-failure': 'ABANDON',
  'metrics-by-secondary': true,
  'log-level': 'INFO',
  'log-retention-days': 30,
};
const check = (changes: object, stage = 'prod') => checkSettings(stage, { ...defaults, ...changes });
const zone = { 'hosted-zone': 'Z0123456789ABC' };

describe('settings that are taken', () => {
  it.each<object>([
    {},
    { 'schedule-rate': 'rate(2 minutes)' },
    { 'schedule-rate': 'rate(60 minutes)' },
    { 'alert-email': 'ops+hostsync@example.co.uk' },
    { 'join-timeout': '172800', 'join-failure': 'CONTINUE' },
    { 'metrics-by-secondary': 'false' },
    { ...zone, 'dns-names': 'edit.example.com' },
    { ...zone, 'dns-names': 'edit.example.com,_edit2.a-b.example.co' },
    { 'log-retention-days': '3653' },
    { 'tag-prefix': 'a' },
    { 'tag-prefix': 'aws-files2' },
    { 'tag-prefix': 'a'.repeat(32) },
  ])('%j', (changes) => {
    expect(() => check(changes)).not.toThrow();
  });
});

describe('settings that are refused, with the name, the value and what is allowed', () => {
  it.each<[string, unknown, string]>([
    ['tag-prefix', '', 'must be 1 to 32 lower-case letters, digits and hyphens'],
    ['tag-prefix', 'a'.repeat(33), 'must be 1 to 32'],
    ['tag-prefix', 'Hostsync', 'must be 1 to 32 lower-case'],
    ['tag-prefix', 'aws', 'and not aws'],
    ['tag-prefix', 'hostsync:', 'the ":" behind it is added'],
    ['tag-prefix', 'acme/files', 'must be 1 to 32'],
    ['tag-prefix', 'acme.files', 'must be 1 to 32'],
    ['tag-prefix', '2files', 'with a letter first'],
    ['tag-prefix', 'ümlaut', 'must be 1 to 32'],
    ['schedule-rate', 'rate(1 minutes)', 'must be rate(1 minute), or rate(N minutes)'],
    ['schedule-rate', 'rate(2 minute)', 'must be rate'],
    ['schedule-rate', 'rate(0 minutes)', 'must be rate'],
    ['schedule-rate', 'rate(61 minutes)', 'must be rate'],
    ['schedule-rate', 'cron(* * * * ? *)', 'must be rate'],
    ['schedule-rate', 'rate(1 minute) ', 'must be rate'],
    ['alert-email', 'ops', 'must be one e-mail address'],
    ['alert-email', 'a@example.com,b@example.com', 'must be one e-mail address'],
    ['alert-email', 'ops@a@b', 'must be one e-mail address'],
    ['remind-after', 59, 'seconds from 60 to 604800'],
    ['group-wait', -1, 'seconds from 0 to 3600'],
    ['group-interval', 3601, 'seconds from 0 to 3600'],
    ['behind-after', '5m', 'seconds from 30 to 86400'],
    ['overrun-after', -1, 'seconds from 10 to 86400'],
    ['failover', 'never', 'must be auto or manual'],
    ['failover', false, 'must be auto or manual'],
    ['failover-ticks', 0, 'ticks from 1 to 60'],
    ['promote-within', 1.5, 'seconds from 30'],
    ['cool-down', '1e3', 'seconds from 0'],
    ['join-timeout', 10, 'seconds from 60 to 172800'],
    ['join-failure', 'abandon', 'must be ABANDON or CONTINUE'],
    ['metrics-by-secondary', 'no', 'must be true or false'],
    ['log-level', 'info', 'must be TRACE, DEBUG, INFO'],
    ['log-retention-days', 45, 'must be one of 1, 3, 5, 7'],
  ])('%s: %j', (name, value, message) => {
    const refused = () => check({ [name]: value });
    expect(refused).toThrow(SettingsError);
    expect(refused).toThrow(
      new RegExp(`- ${name} "?${String(value).replaceAll(/[()*?]/gu, '\\$&')}"? must`, 'u'),
    );
    expect(refused).toThrow(message);
  });

  it.each([
    ['/hostedzone/Z1', 'edit.example.com', 'must be the id of a hosted zone'],
    ['Z1', 'Edit.example.com', 'must be domain names in lower case'],
    ['Z1', 'edit.example.com.', 'without a dot at the end'],
    ['Z1', 'a.example.com, b.example.com', 'separated by commas without blanks'],
    ['Z1', '*.example.com', 'must be domain names'],
    ['Z1', '', 'must both be set, or both be empty'],
    ['', 'edit.example.com', 'must both be set, or both be empty'],
  ])('hosted-zone %j with dns-names %j', (hostedZone, names, message) => {
    expect(() => check({ 'hosted-zone': hostedZone, 'dns-names': names })).toThrow(message);
  });

  it.each([
    ['alertemail', 'did you mean alert-email?'],
    ['alert_email', 'did you mean alert-email?'],
    ['Failover', 'did you mean failover?'],
    ['log-retention', 'did you mean log-retention-days?'],
    ['zzz', `there are ${Object.keys(settings).join(', ')}`],
    ['__proto__x', 'there are'],
  ])('one that does not exist: %s', (name, message) => {
    expect(() => check({ [name]: 'x' })).toThrow(`${name} is no setting; ${message}`);
  });

  it('that are missing, and a stage whose functions could not be named', () => {
    expect(() => check({ failover: undefined })).toThrow('failover is missing');
    expect(() => check({}, 'a'.repeat(34))).not.toThrow();
    expect(() => check({}, 'a'.repeat(35))).toThrow('must have at most 34 characters');
  });

  it('all at once', () => {
    const refused = () => check({ failover: 'x', 'join-timeout': 1, zzz: 1 }, 'a'.repeat(35));
    for (const name of ['failover', 'join-timeout', 'zzz', 'stage']) expect(refused).toThrow(`- ${name} `);
  });
});
