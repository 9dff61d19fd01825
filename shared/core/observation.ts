/** One EC2 instance that carries the tag `hostsync:group`, as DescribeInstances showed it. */
export interface ObservedInstance {
  readonly id: string;
  /** `pending`, `running`, `stopping`, `stopped`, `shutting-down`; a terminated one is not observed. */
  readonly state: string;
  /** The private IPv4 address; a stopped instance may have none. */
  readonly address: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

/** One managed node, as DescribeInstanceInformation showed it. */
export interface ObservedAgent {
  /** `i-…` or `mi-…` */
  readonly id: string;
  /** The agent's last ping was on time. Five minutes old at worst: no failure detector. Source: SSM Agent technical details. */
  readonly online: boolean;
  readonly address: string | undefined;
}

/** All that a decision is made from. */
export interface Observation {
  readonly instances: readonly ObservedInstance[];
  readonly agents: readonly ObservedAgent[];
}
