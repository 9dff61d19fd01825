import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Host, type HostFleet, openFleet } from '../../src/hosts/index.ts';

/**
 * Marks the file systems of directories, changes a file in each, and prints the path of each change as the kernel's event tells it: the
 * handle of the directory, opened again, and the name. Flags and masks: fanotify_init(2), fanotify_mark(2).
 */
const watch = String.raw`
import ctypes, errno, os, select, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.fanotify_mark.argtypes = [ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p]
REPORT_DFID_NAME, MARK_ADD, MARK_FILESYSTEM, CREATE, MODIFY, CWD = 0xC00, 1, 0x100, 0x100, 2, -100

class Handle(ctypes.Structure):
    _fields_ = [('bytes', ctypes.c_uint), ('type', ctypes.c_int), ('data', ctypes.c_ubyte * 128)]

def watch(directory, name):
    group = libc.fanotify_init(REPORT_DFID_NAME, os.O_RDONLY)
    if libc.fanotify_mark(group, MARK_ADD | MARK_FILESYSTEM, CREATE | MODIFY, CWD, directory.encode()) != 0:
        return errno.errorcode[ctypes.get_errno()]
    with open(os.path.join(directory, name), 'a') as file:
        file.write('changed\n')
    if not select.select([group], [], [], 10)[0]:
        return 'no event'
    event = os.read(group, 4096)
    size = struct.unpack_from('I', event, 36)[0]
    handle = Handle(size, struct.unpack_from('i', event, 40)[0])
    ctypes.memmove(handle.data, event[44:44 + size], size)
    mount = os.open(directory, os.O_RDONLY)
    opened = libc.open_by_handle_at(mount, ctypes.byref(handle), os.O_PATH)
    if opened < 0:
        return errno.errorcode[ctypes.get_errno()]
    parent = os.readlink('/proc/self/fd/%d' % opened)
    return os.path.join(parent, event[44 + size:].split(b'\0')[0].decode())

for path in sys.argv[1:]:
    print(watch(os.path.dirname(path), os.path.basename(path)))
`;

/** New files, and files of the base layer and of the machine */
const paths = [
  '/new',
  '/var/www/html/new',
  '/data/uploads/new',
  '/etc/new',
  '/etc/nsswitch.conf',
  '/usr/share/new',
  '/usr/lib/os-release',
];

let fleet: HostFleet;
let host: Host;

beforeAll(async () => {
  fleet = await openFleet();
  host = await fleet.create({ id: 'watched', volumes: [{ path: '/data' }] });
  await host.start();
  await host.exec('mkdir -p /var/www/html /data/uploads');
});

afterAll(() => fleet.close());

async function changes(of: Host): Promise<string[]> {
  const { stdout, stderr } = await of.exec(['python3', '-c', watch, ...paths]);
  expect(stderr).toBe('');
  return stdout.trimEnd().split('\n');
}

/** In a container, the machine's own /usr may be an overlay, on which the kernel cannot lay another that takes marks. */
async function expectedChanges(): Promise<string[]> {
  const { stdout } = await host.exec('findmnt -no OPTIONS /usr');
  if (stdout.includes('nfs_export=on')) return paths;
  return paths.map((path) => (path.startsWith('/usr/') ? 'ENOTSUP' : path));
}

test('a program on a host sees changes of every file system of it, root and volumes, by fanotify', async () => {
  expect(await changes(host)).toEqual(await expectedChanges());
});

test('also after a power cut, with the changes that were made before', async () => {
  await host.stop();
  await host.start();
  expect(await changes(host)).toEqual(await expectedChanges());
  expect((await host.exec('cat /etc/new /data/uploads/new')).stdout).toBe('changed\n'.repeat(4));
});

test('another host of the same base layer hears and has nothing of it', async () => {
  const other = await fleet.create({ id: 'other', volumes: [{ path: '/data' }] });
  await other.start();
  expect((await other.exec('ls -d /etc/new /usr/share/new /data/uploads')).code).not.toBe(0);
  expect((await other.exec('tail -n 1 /etc/nsswitch.conf')).stdout).not.toContain('changed');
  await other.exec('mkdir -p /var/www/html /data/uploads');
  expect(await changes(other)).toEqual(await expectedChanges());
});
