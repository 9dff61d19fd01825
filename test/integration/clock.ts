import type { Host } from 'local-cloud/hosts';
import { must } from './group.ts';

/** A host on which a test sets the time of day. */
export interface FakeClock {
  /** @param offset from the true time, as libfaketime reads it: `+1h`, `-90s`. Programs that run see it at once. */
  set(offset: string): Promise<void>;
  /** The true time again. */
  end(): Promise<void>;
}

type Machine = Pick<Host, 'id' | 'exec'>;

/**
 * The time of day alone: no clock that is set moves the monotonic one, by which threads wait. libfaketime has Python's sleep fail then.
 * Programs that are started from now on have it.
 */
export async function fakeClock(host: Machine): Promise<FakeClock> {
  const set = (offset: string) =>
    must(host, `echo '${offset}' > /etc/faketimerc.new; mv /etc/faketimerc.new /etc/faketimerc`);
  await set('+0');
  await must(
    host,
    `real=$(readlink -f /usr/bin/python3); rm /usr/bin/python3
     printf '#!/bin/sh\\nexport DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1\\nexec %s "$@"\\n' "$real" > /usr/bin/python3
     chmod 755 /usr/bin/python3; echo "$real" > /root/python; site=/usr/lib/$(basename "$real")/sitecustomize.py; rm -f "$site"
     echo 'import select, time; time.sleep = lambda seconds: select.select([], [], [], seconds) and None' > "$site"
     echo /usr/lib/*/faketime/libfaketime.so.1 > /etc/ld.so.preload`,
  );
  return {
    set: async (offset) => {
      await set(offset);
    },
    end: async () => {
      await must(
        host,
        'rm -f /etc/ld.so.preload /etc/faketimerc; ln -sf "$(cat /root/python)" /usr/bin/python3; rm /usr/lib/python3*/sitecustomize.py',
      );
    },
  };
}
