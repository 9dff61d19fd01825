import { HostError, type ServiceOptions } from './host.ts';

const serviceName = /^[A-Za-z0-9][A-Za-z0-9._@-]*$/;

export interface Service {
  readonly name: string;
  readonly command: readonly string[];
  /** its init script; undefined for one that was given as a command */
  readonly script: string | undefined;
}

/** @throws HostError for a name that is none, or comes twice, and for a command without words */
export function parseServices(options: readonly ServiceOptions[]): readonly Service[] {
  const services = options.map((option) => {
    if (typeof option !== 'string') return { ...option, script: undefined };
    const script = `/etc/init.d/${option}`;
    return { name: option, command: [script, 'start'], script };
  });
  const names = new Set<string>();
  for (const { name, command } of services) {
    if (!serviceName.test(name)) throw new HostError(`${JSON.stringify(name)} is no name of a service.`);
    if (names.has(name)) throw new HostError(`There are two services ${name}.`);
    if (command.length === 0) throw new HostError(`The service ${name} has no command.`);
    names.add(name);
  }
  return services;
}

/** As host-init.sh reads them. */
export function serviceArguments(services: readonly Service[]): readonly string[] {
  return services.flatMap(({ name, command }) => [name, String(command.length), ...command]);
}
