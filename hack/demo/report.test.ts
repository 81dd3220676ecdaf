// Tests of what the demo prints at its end.
import { describe, expect, test } from 'vitest';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import type { VirtualMachineRun } from '../../src/api/virtual-machine-run.ts';
import { columns, conditionLines, deployLog, listening, logLine, machineSummary } from './report.ts';

test('columns are as wide as their widest cell, without blanks at the end', () => {
  expect(
    columns([
      ['a', 'bb', 'c'],
      ['aaa', 'b', ''],
    ]),
  ).toEqual(['a    bb  c', 'aaa  b']);
  expect(columns([])).toEqual([]);
});

describe('deployLog', () => {
  const run = {
    spec: { virtualMachineName: 'web-1', number: 1, machine: 'deploy', trigger: 't', from: 'creation' },
    status: {
      result: 'Succeeded',
      startedAt: '2026-01-01T00:00:00.000Z',
      durationMs: 12_345,
      steps: [
        {
          number: 1,
          name: 'Reserve addresses',
          result: 'Succeeded',
          from: 'creation',
          to: 'set_ip',
          startedAt: '2026-01-01T00:00:00.000Z',
          durationMs: 45,
        },
        {
          number: 2,
          name: 'Migrate',
          result: 'Skipped',
          message: 'It is there.',
          from: 'set_ip',
          to: 'migrated',
          startedAt: '2026-01-01T00:00:01.500Z',
          durationMs: 0,
        },
      ],
    },
  } as unknown as VirtualMachineRun;

  test('names result, time, outcome and step', () => {
    expect(deployLog(run)).toEqual([
      'Deploy log of web-1 (Succeeded in 12.3 s):',
      ' #  at      state     took     step',
      ' 1  +0 ms   set_ip    45 ms    Reserve addresses',
      ' 2  +1.5 s  migrated  skipped  Migrate: It is there.',
    ]);
  });

  test('says what was done to a machine that was deployed before', () => {
    const later = { ...run, spec: { ...run.spec, machine: 'start' } };
    expect(deployLog(later)[0]).toBe('Log of the pipeline start of web-1 (Succeeded in 12.3 s):');
  });

  test('a run without status', () => {
    expect(deployLog({ spec: run.spec } as VirtualMachineRun)[0]).toBe('Deploy log of web-1 (no result):');
  });
});

describe('machineSummary', () => {
  const metadata = { name: 'web-1', namespace: 'a' };
  test('everything that is known', () => {
    const vm = {
      metadata,
      status: {
        vmid: 2000,
        node: 'pve1',
        fqdn: 'web-1.example.com',
        addresses: [
          { address: '192.0.2.10', prefixLength: 24, gateway: '192.0.2.1', primary: true },
          { address: '192.0.2.11', prefixLength: 24, primary: false },
        ],
        credentialsSecret: 'web-1-credentials',
        dns: { forward: { ok: 1, failed: 0 }, reverse: { ok: 1, failed: 1 }, zones: [] },
      },
    } as unknown as VirtualMachine;
    expect(machineSummary(vm)).toEqual([
      'a/web-1:',
      '  VMID             2000 on node pve1',
      '  name             web-1.example.com',
      '  address          192.0.2.10/24 via 192.0.2.1',
      '  further address  192.0.2.11/24',
      '  password         in Secret web-1-credentials',
      '  DNS              1 forward and 1 reverse records written, 1 failed',
    ]);
  });
  test('nothing is known', () => {
    expect(machineSummary({ metadata } as VirtualMachine)).toEqual(['a/web-1:']);
  });
});

test('conditionLines', () => {
  const conditions = [
    { type: 'Ready', status: 'False', reason: 'PoolEmpty', message: 'No address is free.' },
    { type: 'Stalled', status: 'True', reason: 'X' },
  ];
  const object = { kind: 'VirtualMachine', metadata: { name: 'web-1' } };
  expect(conditionLines({ ...object, status: { conditions } })).toEqual([
    'Conditions of VirtualMachine web-1:',
    '  Ready    False  PoolEmpty  No address is free.',
    '  Stalled  True   X',
  ]);
  expect(conditionLines(object)).toEqual(['Conditions of VirtualMachine web-1:', '  none']);
});

test.each([
  ['text as it is', 'Error: no', 'Error: no'],
  ['a number is no entry', '42', '42'],
  [
    'an entry',
    '{"level":30,"time":1,"pid":2,"hostname":"h","reconcileId":"r","message":"Starting","port":8080}',
    'info  Starting port=8080',
  ],
  ['nested details', '{"level":50,"message":"Failed","err":{"code":"X"}}', 'error Failed err={"code":"X"}'],
  ['levels by name', '{"level":"warn","message":"Slow"}', 'warn  Slow'],
])('logLine: %s', (_name, line, want) => {
  expect(logLine(line)).toBe(want);
});

describe('listening', () => {
  const plane = { url: 'https://127.0.0.1:1' };
  const simulator = { announcement: { nodeUrls: ['https://127.0.0.1:2'], controlUrl: 'http://127.0.0.1:3' } };
  test('with PowerDNS', () => {
    const lines = listening({ plane, simulator, powerDns: { apiUrl: 'http://127.0.0.1:4', dnsPort: 5353 } });
    expect(lines).toEqual([
      'Listening:',
      '  Kubernetes API          https://127.0.0.1:1',
      '  Proxmox VE (simulated)  https://127.0.0.1:2',
      '  Simulator control       http://127.0.0.1:3',
      '  PowerDNS API            http://127.0.0.1:4',
      '  DNS                     127.0.0.1:5353 (dig @127.0.0.1 -p 5353 NAME)',
    ]);
  });
  test('without', () => {
    expect(listening({ plane, simulator, powerDns: { unavailable: 'no' } })).toHaveLength(4);
  });
});
