declare module 'dynalite' {
  import type { Server } from 'node:http';

  interface DynaliteOptions {
    /** milliseconds that a table is CREATING, DELETING, UPDATING; default 500 */
    readonly createTableMs?: number;
    readonly deleteTableMs?: number;
    readonly updateTableMs?: number;
  }

  /** An HTTP server that speaks DynamoDB's protocol and keeps its tables in memory. */
  function dynalite(options?: DynaliteOptions): Server;
  export = dynalite;
}
