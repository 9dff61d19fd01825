import type { ChildProcess } from 'node:child_process';

/** Something was asked of a host or a fleet that it cannot do now; the message says why. */
export class HostError extends Error {
  override readonly name = 'HostError';
}

export interface ExecResult {
  /** 128 and the signal's number if a signal ended the command, also when the host was stopped meanwhile */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** the command took longer than `timeoutSeconds` and its process group was killed */
  readonly timedOut: boolean;
}

export interface ExecOptions {
  /** default: /dev/null */
  readonly stdin?: string | Uint8Array;
  /** added to an environment that holds PATH alone */
  readonly env?: Readonly<Record<string, string>>;
  /** then the command's process group is killed; what left the group lives on, as with the SSM agent */
  readonly timeoutSeconds?: number;
}

export interface SpawnOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Open files for the output. Default: pipes of Node.js, which are sockets: a script that opens /dev/stdout or /dev/stderr by
   * name fails with them, and does not with files, which is what the SSM agent uses.
   */
  readonly stdout?: number;
  readonly stderr?: number;
}

export interface CopyOptions {
  /** `user` or `user:group` of the host, by name or number, for all that is copied; default: the numbers that it has on the machine */
  readonly owner?: string;
}

export interface VolumeOptions {
  /** where it is mounted, absolute and normalised; entered in the host's /etc/fstab */
  readonly path: string;
  /** default: 1 GiB */
  readonly bytes?: number;
}

/**
 * What a host starts at each boot, in the background. There is no systemd: a name is an init script of a Debian package,
 * `/etc/init.d/NAME start`; a command is one that stays in the foreground. What it says goes to `/var/log/services/NAME.log`.
 * It is not started again when it ends, and is killed with the host.
 */
export type ServiceOptions =
  | string
  | {
      /** letters, digits, `.`, `_`, `@` and `-` */
      readonly name: string;
      readonly command: readonly [string, ...string[]];
    };

/** Which addresses a host has, as the subnet of an instance says. */
export type Addressing = 'ipv4' | 'dual-stack' | 'ipv6';

/** For the life of the host; at least one is there. */
export interface HostAddresses {
  readonly ipv4: string | undefined;
  /** unique local, fd00::/8 */
  readonly ipv6: string | undefined;
}

/** The software of a host. */
export interface SoftwareOptions {
  /** Debian packages with what they depend on, not with what they recommend; they come from where the machine's apt-get has its own from */
  readonly packages?: readonly string[];
  readonly services?: readonly ServiceOptions[];
  /** Lines for `/etc/ssh/sshd_config.d/fleet.conf`, as `MaxStartups 3`. */
  readonly sshd?: readonly string[];
}

export interface HostOptions extends SoftwareOptions {
  /** `i-0…` or any name of letters, digits, `.` and `-`, at most 63 long */
  readonly id: string;
  /** default: the id */
  readonly hostname?: string;
  /** default: `ipv4` */
  readonly addressing?: Addressing;
  /** size of the disk; default 4 GiB. Takes memory only as it is written */
  readonly diskBytes?: number;
  /** file systems of their own, as data volumes are; they stay through stop and start */
  readonly volumes?: readonly VolumeOptions[];
}

/** One machine: its own network address, root file system and processes, and an sshd on port 22. */
export interface Host extends HostAddresses {
  readonly id: string;
  readonly hostname: string;
  /** the IPv4 address, or the IPv6 address of a host that has no other */
  readonly address: string;
  readonly running: boolean;
  readonly frozen: boolean;
  /** Its process 1, as the sandbox sees it, while it runs: for `nsenter --target`. */
  readonly pid: number | undefined;
  /** Boots; resolves when sshd answers. Nothing to do if it runs. Throws HostError with the host's own words if it does not come up. */
  start(): Promise<void>;
  /** Power cut: every process is killed at once. The disk stays. */
  stop(): Promise<void>;
  /** Stop, and the disk is gone. */
  destroy(): Promise<void>;
  /** A hard one: stop and start. */
  reboot(): Promise<void>;
  /** Pulls the network cable; processes go on. Stays so through stop and start, until heal(). */
  cutOff(): Promise<void>;
  heal(): Promise<void>;
  /** Every process stops where it is (the kernel still answers pings and connections). Until thaw(), exec() waits and spawn() throws. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Takes all free space of the disk, or of the volume at this path; freeDisk() gives it back. */
  fillDisk(path?: string): Promise<void>;
  freeDisk(path?: string): Promise<void>;
  /** Unmounts a volume (HostError if it is in use), mounts it again. Also while stopped, and it stays so through start. */
  unmount(path: string): Promise<void>;
  mount(path: string): Promise<void>;
  /**
   * Runs a command as root to its end; a string is run with `bash -c`. Environment: PATH alone. Its output goes to files, so what it
   * leaves running in the background does not hold it up. Throws HostError when the host does not run.
   */
  exec(command: readonly string[] | string, options?: ExecOptions): Promise<ExecResult>;
  /**
   * Starts a command as root, as the leader of a process group: `process.kill(-child.pid, 'SIGKILL')` kills the group in the host.
   * (The host itself sees that group as number 0: its leader is outside.) The child ends by SIGKILL when the host is stopped.
   */
  spawn(argv: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Writes a file, and makes its directories. Mode default 0o644, for a new file and an old one. */
  writeFile(path: string, content: string | Uint8Array, mode?: number): Promise<void>;
  /**
   * Copies a file of the machine to a path of the host, or what is in a directory into a directory of the host, wherever it is: makes the
   * directories above it, keeps what is there beside it, and all metadata. Throws CommandError when the host's cp or chown fails.
   */
  copyIn(from: string, to: string, options?: CopyOptions): Promise<void>;
}

/** Hosts that share a network, which reaches nothing else. */
export interface HostFleet {
  /** The address of the sandbox itself in the fleet's network. */
  readonly gateway: string;
  /** Makes a host and its disk; it does not run yet. */
  create(options: HostOptions): Promise<Host>;
  get(id: string): Host | undefined;
  hosts(): Host[];
  /** Destroys all hosts and the network. */
  close(): Promise<void>;
}

/** `packages` and `services` are for hosts that are created without their own. */
export interface FleetOptions extends SoftwareOptions {
  /** for the log */
  readonly name?: string;
  readonly log?: (line: string) => void;
}

export { exitCode } from './command.ts';
