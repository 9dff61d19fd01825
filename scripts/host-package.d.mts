export interface HostPackage {
  readonly release: string;
  readonly files: Readonly<Record<string, string>>;
}
export function readPackage(directory: string, version: string): HostPackage;
export function packFiles(files: Readonly<Record<string, string>>): string;
