// Tests for the privileges that a token needs.
import { describe, expect, it } from 'vitest';
import { missingPrivileges, neededPrivileges } from './privileges.ts';
import { readShared, recordingsMissing } from './testing/recorded.ts';

describe('missingPrivileges', () => {
  const all = new Set(neededPrivileges);
  const without = (privilege: string): Set<string> => new Set(neededPrivileges.filter((name) => name !== privilege));

  const rows: { name: string; permissions: [string, Set<string>][]; want: readonly string[] }[] = [
    { name: 'everything on the root', permissions: [['/', all]], want: [] },
    { name: 'a token without rights', permissions: [], want: neededPrivileges },
    { name: 'one that is missing', permissions: [['/', without('SDN.Use')]], want: ['SDN.Use'] },
    {
      name: 'one that is on a narrower path only',
      permissions: [
        ['/', without('VM.Clone')],
        ['/vms', new Set(['VM.Clone'])],
      ],
      want: [],
    },
    { name: 'more than is needed', permissions: [['/', new Set([...all, 'Sys.Modify'])]], want: [] },
  ];
  it.each(rows)('$name', ({ permissions, want }) => {
    expect(missingPrivileges(new Map(permissions))).toEqual(want);
  });

  it.skipIf(recordingsMissing)(
    `asks for no more than the role with which a deploy was recorded (${recordingsMissing ?? 'present'})`,
    () => {
      const { roles } = readShared('recorded/baseline.json') as { roles: { OpRole: string[] } };
      expect(roles.OpRole).toEqual(expect.arrayContaining([...neededPrivileges]));
    },
  );
});
