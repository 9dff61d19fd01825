// The CloudWatch dashboard, for serverless.yml: what an operator wants to see first, from the top.
const functions = [
  ...['sync', 'reconcile', 'instance-launch', 'instance-termination', 'primary-failure', 'command-result'],
  'alert',
];

/** Metrics of this stage, one line for each value of the dimensions. */
const search = (stage, dimensions, metric, stat, label) => {
  const expression = `SEARCH('{hostsync,service,${dimensions}} service="hostsync-${stage}" MetricName="${metric}"', '${stat}', 60)`;
  return [{ expression, label, id: metric.toLowerCase() + dimensions.length }];
};

const graph = (x, y, width, title, metrics, more = {}) => ({
  ...{ type: 'metric', x, y, width, height: 6 },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation puts the region there
  properties: { title, region: '${AWS::Region}', view: 'timeSeries', period: 60, metrics, ...more },
});

const ofFunctions = (stage, metric, stat) =>
  functions.map((name) => [
    'AWS/Lambda',
    metric,
    'FunctionName',
    `hostsync-${stage}-${name}`,
    { stat, label: name },
  ]);

const seconds = { yAxis: { left: { min: 0, label: 'seconds', showUnits: false } } };
const counts = { yAxis: { left: { min: 0, label: 'count', showUnits: false } } };

module.exports.body = async ({ resolveVariable }) => {
  const stage = await resolveVariable('sls:stage');
  const behindAfter = Number(await resolveVariable('param:behind-after'));
  const limit = { horizontal: [{ label: 'alarm', value: behindAfter }] };
  const alarms = [
    ...['SecondsBehindAlarm', 'TickMissingAlarm', 'LaneAgeAlarm', 'StepsFailedAlarm', 'DeadLettersAlarm'],
    ...['LaneStoppedAlarm', 'LaneDeadLettersAlarm', 'SyncErrors', 'ReconcileErrors', 'InstanceLaunchErrors'],
    ...['InstanceTerminationErrors', 'PrimaryFailureErrors', 'CommandResultErrors', 'AlertErrors'],
    // biome-ignore lint/style/useTemplate: `\${` would be harder to read
  ].map((name) => '${' + name + '.Arn}');
  const widgets = [
    { type: 'alarm', x: 0, y: 0, width: 24, height: 3, properties: { title: 'Alarms', alarms } },
    graph(
      0,
      3,
      12,
      'Seconds behind, by secondary',
      [search(stage, 'Group,Secondary', 'SecondsBehind', 'Maximum', '')],
      {
        ...{ ...seconds, annotations: limit },
      },
    ),
    graph(
      12,
      3,
      12,
      'Secondaries that fail, by group',
      [search(stage, 'Group', 'SecondariesFailing', 'Maximum', '')],
      counts,
    ),
    graph(0, 9, 8, 'Files sent and deleted', [
      search(stage, 'Group', 'FilesSent', 'Sum', 'sent'),
      search(stage, 'Group', 'FilesDeleted', 'Sum', 'deleted'),
    ]),
    graph(8, 9, 8, 'Bytes sent', [search(stage, 'Group', 'BytesSent', 'Sum', '')]),
    graph(16, 9, 8, 'Seconds a push takes', [search(stage, 'Group', 'PushSeconds', 'Maximum', '')], seconds),
    graph(
      0,
      15,
      8,
      'Groups not pushed, by reason',
      [search(stage, 'Reason', 'GroupsNotPushed', 'Sum', '')],
      counts,
    ),
    graph(8, 15, 8, 'Errors of functions', ofFunctions(stage, 'Errors', 'Sum'), counts),
    graph(16, 15, 8, 'Milliseconds a function runs', ofFunctions(stage, 'Duration', 'Maximum')),
    graph(
      0,
      21,
      12,
      'Seconds from a change to its arrival, in watched groups',
      [
        search(stage, 'Group', 'LagP50', 'Maximum', 'half of the changes'),
        search(stage, 'Group', 'LagP99', 'Maximum', '99 of 100'),
      ],
      seconds,
    ),
  ];
  return JSON.stringify({ widgets });
};
