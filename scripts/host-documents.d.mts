import type { HostPackage } from './host-package.d.mts';

export const installParts: number;
export function commandDocument(name: string, release: string): object;
export function uninstallDocument(release: string): object;
export function installDocument(number: number, package_: HostPackage, directory: string): object;
export function hostDocuments(directory: string, version: string): ReadonlyMap<string, object>;
