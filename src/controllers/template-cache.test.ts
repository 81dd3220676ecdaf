// One question about a template, however many VMs are made from it; but no answer for ever.
import { beforeEach, expect, test } from 'vitest';
import type { VmConfig } from '../pve/answer-types.ts';
import { TemplateCache } from './template-cache.ts';

const TEMPLATE = { node: 'pve1', vmid: 9000 };
let now: number;
let asked: number;
let answer: () => Promise<VmConfig>;
let cache: TemplateCache;

beforeEach(() => {
  now = 0;
  asked = 0;
  answer = async () => ({ digest: `d${asked}`, values: new Map() });
  const config = (): Promise<VmConfig> => {
    asked += 1;
    return answer();
  };
  cache = new TemplateCache({ config }, () => now);
});

const digest = async (template = TEMPLATE): Promise<string> => (await cache.config(template)).digest;

test('who asks at the same time shares one request', async () => {
  expect(await Promise.all([digest(), digest(), digest()])).toEqual(['d1', 'd1', 'd1']);
  expect(asked).toBe(1);
});

test('an answer holds for half a minute', async () => {
  await digest();
  now = 29_999;
  expect(await digest()).toBe('d1');
  now = 30_000;
  expect(await digest()).toBe('d2');
});

test('templates and nodes are told apart', async () => {
  await digest();
  await digest({ node: 'pve2', vmid: 9000 });
  await digest({ node: 'pve1', vmid: 9001 });
  expect(asked).toBe(3);
});

test('a failure is not remembered', async () => {
  answer = () => Promise.reject(new Error('no answer'));
  await expect(digest()).rejects.toThrow('no answer');
  answer = async () => ({ digest: 'good', values: new Map() });
  expect(await digest()).toBe('good');
});
