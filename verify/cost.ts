/** One thing that is paid for, for a run that takes an hour: AWS begins an hour of many of them. */
export interface CostLine {
  readonly what: string;
  readonly dollars: number;
}

/** Minutes after which nothing more is measured, and everything is removed. */
export const measuredMinutes = 22;
/** Minutes that a run takes at most, as a rule. */
export const mostMinutes = 30;

/** List prices of us-east-1, as in docs/cost.md; other regions cost up to twice as much. */
export const costLines: readonly CostLine[] = [
  { what: 'EC2: 4 hosts t4g.small, half an hour each', dollars: 4 * 0.5 * 0.0168 },
  { what: 'EBS: 4 volumes of 20 GiB gp3', dollars: (4 * 20 * 0.08) / 730 },
  { what: 'public IPv4: 4 hosts and the load balancer in 2 zones', dollars: 6 * 0.005 },
  { what: 'load balancer, 1 hour and its capacity units', dollars: 0.0225 + 0.008 },
  {
    what: 'CloudWatch: 20 metrics, 13 alarms, 1 dashboard, logs',
    dollars: (20 * 0.3 + 13 * 0.1 + 3) / 730 + 0.01,
  },
  { what: 'Secrets Manager, Lambda, SQS, DynamoDB, EventBridge, SNS', dollars: 0.01 },
];

export function costRows(): readonly (readonly string[])[] {
  const rows = costLines.map(({ what, dollars }) => [what, `$${dollars.toFixed(2)}`]);
  const sum = costLines.reduce((total, { dollars }) => total + dollars, 0);
  return [...rows, ['together, about', `$${sum.toFixed(2)}`]];
}
