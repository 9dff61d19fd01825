export { exitCode } from './command.ts';
export { openFleet } from './fleet.ts';
export * from './host.ts';
