// Tests for what Proxmox's errors mean.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyCharacter } from '../../test/builders/any-character.ts';
import { privilegesIn, stableDetail } from './error-text.ts';
import {
  answerError,
  classifyPveError,
  PveError,
  taskFailure,
  type PveErrorClass,
  type PveErrorKind,
} from './errors.ts';
import { recordedBody, recordedSteps, recordingsMissing } from './testing/recorded.ts';

const clone = 'POST /nodes/{node}/qemu/{vmid}/clone';
const config = 'POST /nodes/{node}/qemu/{vmid}/config';
const read = 'GET /nodes/{node}/qemu/{vmid}/config';

const message = (text: string): string => JSON.stringify({ data: null, message: `${text}\n` });
const parameterError = (errors: Record<string, string>): string =>
  JSON.stringify({ data: null, message: 'Parameter verification failed.\n', errors });

describe('answerError by text', () => {
  const rows: { text: string; want: PveErrorKind }[] = [
    { text: "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist", want: 'not-found' },
    { text: "unable to find configuration file for VM 999 on node 'pve1'", want: 'not-found' },
    { text: "no such IPSet 'nope'", want: 'not-found' },
    { text: "snapshot 'nope' does not exist", want: 'not-found' },
    { text: 'No QEMU guest agent configured', want: 'conflict' },
    { text: 'QEMU guest agent is not running', want: 'conflict' },
    { text: 'VM 401 is not running', want: 'conflict' },
    { text: 'VM 401 not running', want: 'conflict' },
    { text: "VM 401 qmp command 'guest-set-user-password' failed - got timeout", want: 'timeout' },
    { text: "VM 401 qga command 'guest-ping' failed - unable to connect to VM 401 qga socket", want: 'timeout' },
    { text: "Agent error: chpasswd: user 'x' does not exist", want: 'refused' },
    { text: 'VM quit/powerdown failed - got timeout', want: 'timeout' },
    { text: 'VM is paused - cannot shutdown', want: 'refused' },
    { text: "can't remove drive 'scsi0' - protection mode enabled", want: 'refused' },
    {
      text: "cannot remove protected volume 'backup/vzdump-qemu-401-2026_11_22-05_58_42.vma.zst' on 'backup'",
      want: 'refused',
    },
    { text: 'VM is locked (backup)', want: 'locked' },
    { text: 'failed to update VM 401: VM is locked (clone)', want: 'locked' },
    { text: "can't lock file '/var/lock/qemu-server/lock-500.conf' - got timeout", want: 'locked' },
    { text: "cfs-lock 'storage-shared' error: got lock request timeout", want: 'locked' },
    { text: 'unable to create VM 306: config file already exists', want: 'exists' },
    { text: "unable to create VM 300 - VM 300 already exists on node 'pve1'", want: 'exists' },
    { text: "disk image '/mnt/shared/images/401/vm-401-cloudinit.qcow2' already exists", want: 'exists' },
    { text: 'checksum mismatch (file change by other user?)', want: 'conflict' },
    { text: 'detected modified configuration - file changed by other user? Try again.', want: 'conflict' },
    { text: 'VM 401 is running - destroy failed', want: 'conflict' },
    { text: "can't migrate running VM without --online", want: 'conflict' },
    { text: 'cluster not ready - no quorum?', want: 'no-quorum' },
    { text: "cfs-lock 'firewall-vm-401' error: no quorum!", want: 'no-quorum' },
    {
      text: "unable to open file '/etc/pve/nodes/pve1/qemu-server/401.conf.tmp.28575' - Permission denied",
      want: 'no-quorum',
    },
    { text: 'qemu-img: error while writing: No space left on device', want: 'no-space' },
    { text: 'unable to create image: got lock timeout - aborting command: no space left on device', want: 'no-space' },
    { text: 'Cannot create new thin volume, free space in thin pool pve/data reached threshold.', want: 'no-space' },
    {
      text: "lvcreate 'pve/vm-1-disk-0' error: Volume group has insufficient free space (10 extents)",
      want: 'no-space',
    },
    { text: "hostname lookup 'pve9' failed - failed to get address info", want: 'unreachable' },
    { text: "storage 'nope' does not exist", want: 'refused' },
    { text: "volume 'shared:iso/none.iso' does not exist", want: 'refused' },
    { text: 'SSH public key validation error', want: 'refused' },
    { text: "invalid bootorder: device 'scsi9' does not exist'", want: 'refused' },
    { text: "can't remove VM 401 - protection mode enabled", want: 'refused' },
    { text: "can't clone VM to node 'pve2' (VM uses local storage)", want: 'refused' },
  ];
  it.each(rows)('$text → $want', ({ text, want }) => {
    expect(answerError(clone, { status: 500, reason: text, body: message(text) }).kind).toBe(want);
    // Older 8.x versions have the text in the status line only.
    expect(answerError(clone, { status: 500, reason: text, body: '{"data":null}' }).kind).toBe(want);
  });
});

describe('answerError by status', () => {
  const rows: { status: number; reason: string; call: string; want: PveErrorKind; maybeApplied: boolean }[] = [
    { status: 401, reason: 'Authentication failed!', call: clone, want: 'unauthorized', maybeApplied: false },
    { status: 403, reason: 'Permission check failed', call: clone, want: 'forbidden', maybeApplied: false },
    {
      status: 501,
      reason: "Method 'POST /x' not implemented",
      call: clone,
      want: 'schema-rejected',
      maybeApplied: false,
    },
    { status: 500, reason: 'whatever', call: clone, want: 'refused', maybeApplied: false },
    { status: 595, reason: 'No route to host', call: clone, want: 'unreachable', maybeApplied: true },
    { status: 595, reason: 'No route to host', call: read, want: 'unreachable', maybeApplied: false },
    {
      status: 595,
      reason: 'Connection refused',
      call: 'GET /cluster/status',
      want: 'unreachable',
      maybeApplied: false,
    },
    { status: 596, reason: 'Connection timed out', call: config, want: 'timeout', maybeApplied: true },
    { status: 596, reason: 'Connection reset by peer', call: read, want: 'timeout', maybeApplied: false },
    { status: 599, reason: 'Too many redirections', call: config, want: 'timeout', maybeApplied: true },
    { status: 502, reason: 'Bad Gateway', call: config, want: 'unreachable', maybeApplied: true },
    { status: 503, reason: 'Service Unavailable', call: config, want: 'unreachable', maybeApplied: false },
    { status: 504, reason: 'Gateway Timeout', call: config, want: 'timeout', maybeApplied: true },
  ];
  it.each(rows)(
    '$status $reason of $call → $want, maybe applied: $maybeApplied',
    ({ call, want, maybeApplied, ...answer }) => {
      expect(answerError(call, { ...answer, body: '' })).toMatchObject({
        kind: want,
        maybeApplied,
        status: answer.status,
        call,
      });
    },
  );

  it('survives a page of HTML', () => {
    const error = answerError(read, { status: 502, reason: 'Bad Gateway', body: '<html>secret</html>' });
    expect(error).toMatchObject({ kind: 'unreachable', detail: 'Bad Gateway' });
  });

  it('says the status when the server says nothing', () => {
    expect(answerError(read, { status: 500, reason: '', body: '' }).detail).toBe('Proxmox VE answered 500');
  });
});

describe('parameter errors', () => {
  const rows: { name: string; errors: Record<string, string>; want: PveErrorKind }[] = [
    {
      name: 'unknown parameter',
      errors: { bogus: 'property is not defined in schema and the schema does not allow additional properties' },
      want: 'schema-rejected',
    },
    {
      name: 'a value out of bounds',
      errors: { memory: 'value must have a minimum value of 16' },
      want: 'schema-rejected',
    },
    { name: 'a set that is there', errors: { name: "IPSet 'ipfilter-net0' already exists" }, want: 'exists' },
    { name: 'an address that is there', errors: { cidr: "address '10.99.0.50' already exists" }, want: 'exists' },
    { name: 'an unknown task', errors: { upid: 'no such task' }, want: 'not-found' },
    { name: 'an unknown UPID', errors: { upid: 'unable to parse worker upid' }, want: 'schema-rejected' },
    {
      name: 'a hotplug problem',
      errors: { net0: "hotplug problem - error on hot-unplugging device 'net0'" },
      want: 'refused',
    },
    { name: 'a VMID that is taken', errors: { vmid: 'VM 700 already exists' }, want: 'exists' },
  ];
  it.each(rows)('$name is $want and names the field', ({ errors, want }) => {
    const error = answerError(config, {
      status: 400,
      reason: 'Parameter verification failed.',
      body: parameterError(errors),
    });
    expect(error.kind).toBe(want);
    expect(error.fields).toEqual(errors);
    expect(error.message).toContain(Object.keys(errors)[0]);
  });
});

describe('missing privileges', () => {
  it('names path and privilege', () => {
    const text = 'Permission check failed (/sdn/zones/localnetwork/vmbr0/7, SDN.Use)';
    const error = answerError(config, { status: 403, reason: text, body: message(text) });
    expect(error.privilege).toEqual([{ path: '/sdn/zones/localnetwork/vmbr0/7', privilege: 'SDN.Use' }]);
  });

  it('names the alternatives', () => {
    expect(privilegesIn('Permission check failed (/storage/shared, Datastore.Audit|Datastore.AllocateSpace)')).toEqual([
      { path: '/storage/shared', privilege: 'Datastore.Audit' },
      { path: '/storage/shared', privilege: 'Datastore.AllocateSpace' },
    ]);
  });

  it('is known where Proxmox does not name it', () => {
    const error = answerError(clone, { status: 403, reason: 'Permission check failed', body: '' });
    expect(error.privilege).toEqual([{ privilege: 'VM.Allocate' }]);
  });

  it('has none when Proxmox names none', () => {
    expect(answerError(config, { status: 403, reason: 'Permission check failed', body: '' }).privilege).toBeUndefined();
  });
});

describe('taskFailure', () => {
  const rows: {
    name: string;
    exitstatus: string;
    log?: string[];
    want: PveErrorKind;
    detail?: string;
    cls?: PveErrorClass;
  }[] = [
    { name: 'lock', exitstatus: 'VM is locked (snapshot)', want: 'locked', cls: 'waiting' },
    {
      name: 'missing VM',
      exitstatus: "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist",
      want: 'not-found',
    },
    {
      name: 'right that only the task needs',
      exitstatus: '403 Permission check failed (/storage/shared, Datastore.AllocateSpace)',
      want: 'forbidden',
      cls: 'stalled',
    },
    {
      name: 'VMID taken on another node',
      exitstatus: "close (rename) atomic file '/etc/pve/nodes/pve2/qemu-server/401.conf' failed: File exists",
      want: 'exists',
    },
    {
      name: 'template gone',
      exitstatus: "clone failed: volume 'shared:9000/base-9000-disk-0.qcow2' does not exist",
      want: 'task-failed',
      cls: 'stalled',
    },
    { name: 'already running', exitstatus: 'VM 401 already running', want: 'conflict', cls: 'transient' },
    {
      name: 'guest that does not stop',
      exitstatus: 'VM quit/powerdown failed - got timeout',
      want: 'timeout',
      cls: 'transient',
    },
    { name: 'killed worker', exitstatus: 'unexpected status', want: 'task-failed', cls: 'unknown' },
    { name: 'killed by a person', exitstatus: 'received interrupt', want: 'task-failed', cls: 'unknown' },
    {
      name: 'migration',
      exitstatus: 'migration aborted',
      log: [
        "2026-11-22 05:50:28 can't migrate local disk 'local:iso/x.iso': local cdrom image",
        "2026-11-22 05:50:28 ERROR: Problem found while scanning volumes - can't migrate VM - check log",
        '2026-11-22 05:50:28 aborting phase 1 - cleanup resources',
        "2026-11-22 05:50:28 ERROR: migration aborted (duration 00:00:01): Problem found while scanning volumes - can't migrate VM - check log",
        'TASK ERROR: migration aborted',
      ],
      want: 'task-failed',
      detail: "migration aborted: can't migrate local disk 'local:iso/x.iso': local cdrom image",
    },
    {
      name: 'start',
      exitstatus: 'start failed: QEMU exited with code 1',
      log: [
        'generating cloud-init ISO',
        "kvm: cannot set up guest memory 'pc.ram': Cannot allocate memory",
        'TASK ERROR: start failed: QEMU exited with code 1',
      ],
      want: 'task-failed',
      detail: "start failed: QEMU exited with code 1: kvm: cannot set up guest memory 'pc.ram': Cannot allocate memory",
    },
    { name: 'no log', exitstatus: 'migration aborted', log: [], want: 'task-failed', detail: 'migration aborted' },
    {
      name: 'full disk told by the log only',
      exitstatus: 'job errors',
      log: ['ERROR: Backup of VM 1 failed - No space left on device'],
      want: 'no-space',
    },
  ];
  it.each(rows)('$name → $want', ({ exitstatus, log = [], want, detail, cls }) => {
    const error = taskFailure(exitstatus, log);
    expect(error.kind).toBe(want);
    if (detail !== undefined) expect(error.detail).toBe(detail);
    if (cls !== undefined) expect(classifyPveError(error)).toBe(cls);
  });

  it('has the same text for the same problem on another day', () => {
    const at = (time: string): PveError => taskFailure('migration aborted', [`${time} ERROR: found local volume`]);
    expect(at('2026-11-22 05:50:28').message).toBe(at('2027-01-01 00:00:00').message);
  });
});

describe('classifyPveError', () => {
  const rows: { kind: PveErrorKind; want: PveErrorClass }[] = [
    { kind: 'unreachable', want: 'transient' },
    { kind: 'timeout', want: 'transient' },
    { kind: 'not-found', want: 'transient' },
    { kind: 'exists', want: 'transient' },
    { kind: 'conflict', want: 'transient' },
    { kind: 'locked', want: 'waiting' },
    { kind: 'no-quorum', want: 'waiting' },
    { kind: 'unauthorized', want: 'stalled' },
    { kind: 'forbidden', want: 'stalled' },
    { kind: 'schema-rejected', want: 'stalled' },
    { kind: 'task-failed', want: 'stalled' },
    { kind: 'no-space', want: 'stalled' },
    { kind: 'refused', want: 'stalled' },
    { kind: 'certificate', want: 'stalled' },
    { kind: 'unreadable', want: 'defect' },
  ];
  it.each(rows)('$kind is $want, and unknown when it may have happened', ({ kind, want }) => {
    const error = (maybeApplied: boolean): PveError => new PveError({ kind, call: clone, detail: 'x', maybeApplied });
    expect(classifyPveError(error(false))).toBe(want);
    expect(classifyPveError(error(true))).toBe('unknown');
    expect(error(false).code).toBe(`PVE_${kind.toUpperCase().replaceAll('-', '_')}`);
  });
});

describe('stableDetail', () => {
  const rows = [
    {
      name: 'a token',
      text: 'bad PVEAPIToken=op@pve!k8s=aaaa-bbbb here',
      want: 'bad PVEAPIToken=op@pve!k8s=<hidden> here',
    },
    {
      name: 'a password in a command',
      text: 'update VM 1: -cipassword Secret123 -cores 2',
      want: 'update VM 1: -cipassword <hidden> -cores 2',
    },
    { name: 'a password in JSON', text: '{"cipassword":"Secret 123"}', want: '{"cipassword":<hidden>}' },
    { name: 'a password in a form', text: 'password=hunter2', want: 'password=<hidden>' },
    { name: 'a process id', text: "'/etc/pve/a.conf.tmp.123' - x", want: "'/etc/pve/a.conf.tmp' - x" },
    { name: "a place in Proxmox's code", text: 'no. at /usr/share/perl5/PVE/Storage.pm line 651.', want: 'no.' },
    { name: 'line breaks', text: 'a\nb\n', want: 'a b' },
  ];
  it.each(rows)('removes $name', ({ text, want }) => {
    expect(stableDetail(text)).toBe(want);
  });

  it('is short, one line and well-formed, whatever came', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 900, unit: anyCharacter }), (text) => {
        const detail = stableDetail(text);
        expect(Array.from(detail).length).toBeLessThanOrEqual(300);
        expect(detail).not.toMatch(/[\r\n]/);
        expect(detail.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe.skipIf(recordingsMissing)(`recorded refusals (${recordingsMissing ?? 'recordings present'})`, () => {
  const refused = recordedSteps().filter(({ response }) => response.status >= 400);

  it('are all understood as errors with a text', () => {
    expect(refused.length).toBeGreaterThan(300);
    for (const step of refused) {
      const { status, reason } = step.response;
      const error = answerError(`${step.request.method} ${step.request.path}`, {
        status,
        reason,
        body: recordedBody(step),
      });
      expect(error.detail.length).toBeGreaterThan(3);
      expect(error.detail.length).toBeLessThanOrEqual(300);
    }
  });

  it('keep their meaning: each text of a missing VM, a lock, a digest and the lost quorum', () => {
    const kinds = new Map<PveErrorKind, Set<string>>();
    for (const step of refused) {
      const { status, reason } = step.response;
      const error = answerError(`${step.request.method} /x`, { status, reason, body: recordedBody(step) });
      kinds.set(error.kind, (kinds.get(error.kind) ?? new Set()).add(reason));
    }
    const texts = (kind: PveErrorKind): string => [...(kinds.get(kind) ?? [])].join('\n');
    expect(texts('refused')).not.toMatch(/is locked|no quorum|checksum|qemu-server\/.*conf|Permission/);
    expect(texts('not-found')).toMatch(/qemu-server\/999\.conf/);
    expect(texts('locked')).toMatch(/suspended/);
    expect(texts('no-quorum')).toMatch(/Permission denied/);
  });

  it('name the privilege wherever Proxmox does', () => {
    const forbidden = refused.filter(({ response }) => response.status === 403 && response.reason.includes('('));
    expect(forbidden.length).toBeGreaterThan(10);
    for (const { request, response } of forbidden) {
      const error = answerError(`${request.method} ${request.path}`, { ...response, body: '' });
      expect(error.privilege?.length, response.reason).toBeGreaterThan(0);
    }
  });

  it('in tasks never lose the exit status', () => {
    const failed = recordedSteps().filter(
      ({ task }) => task?.exitstatus !== undefined && !/^(OK|WARNINGS)/.test(task.exitstatus),
    );
    expect(failed.length).toBeGreaterThan(40);
    for (const { task } of failed) {
      const error = taskFailure(task?.exitstatus ?? '', task?.log ?? []);
      expect(error.detail.startsWith(stableDetail(task?.exitstatus ?? '').slice(0, 200))).toBe(true);
    }
  });
});
