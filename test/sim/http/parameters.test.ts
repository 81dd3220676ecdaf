// Tests of reading parameters: which bodies are refused, and what forms and JSON become.
import { describe, expect, it } from 'vitest';
import { ApiError } from '../errors.ts';
import { largestBody, parseBody, parseForm, requireBodyAllowed } from './parameters.ts';
import type { BodyHead } from './parameters.ts';

function refusalOf(work: () => unknown): { status: number; message: string } | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    const { status, message } = error as ApiError;
    return { status, message };
  }
}

describe('bodies', () => {
  const form = 'application/x-www-form-urlencoded';
  const post: BodyHead = { method: 'POST', contentType: form, contentLength: '10', transferEncoding: undefined };
  const rows: { name: string; head: BodyHead; want: { status: number; message: string } | undefined }[] = [
    { name: 'a form', head: post, want: undefined },
    { name: 'a GET without one', head: { ...post, method: 'GET', contentLength: undefined }, want: undefined },
    { name: 'a DELETE with length 0', head: { ...post, method: 'DELETE', contentLength: '0' }, want: undefined },
    {
      name: 'a GET with one',
      head: { ...post, method: 'GET' },
      want: { status: 501, message: "Unexpected content for method 'GET'" },
    },
    {
      name: 'a DELETE with one',
      head: { ...post, method: 'DELETE' },
      want: { status: 501, message: "Unexpected content for method 'DELETE'" },
    },
    {
      name: 'chunks',
      head: { ...post, contentLength: undefined, transferEncoding: 'chunked' },
      want: { status: 501, message: 'chunked transfer encoding not supported' },
    },
    { name: 'the largest', head: { ...post, contentLength: String(largestBody) }, want: undefined },
    {
      name: 'a larger one',
      head: { ...post, contentLength: String(largestBody + 1) },
      want: { status: 501, message: 'for data too large' },
    },
  ];
  it.each(rows)('$name', ({ head, want }) => {
    expect(refusalOf(() => requireBodyAllowed(head))).toEqual(want);
  });
});

describe('parseForm', () => {
  const rows = [
    { name: 'nothing', text: '', want: {} },
    { name: 'values', text: 'a=1&b=x', want: { a: '1', b: 'x' } },
    { name: 'escapes and plus', text: 'a=x%2By+z', want: { a: 'x+y z' } },
    { name: 'an empty value', text: 'a=', want: { a: '' } },
    { name: 'a repeated key is a list', text: 'a=1&a=2&a=3', want: { a: ['1', '2', '3'] } },
  ];
  it.each(rows)('$name', ({ text, want }) => {
    expect(parseForm(text)).toEqual(want);
  });
});

describe('parseBody', () => {
  const json = 'application/json';
  const rows = [
    { name: 'nothing at all', text: '', type: json, want: {} },
    { name: 'a form without a type', text: 'a=1', type: undefined, want: { a: '1' } },
    { name: 'JSON keeps its types', text: '{"a":1,"b":true,"c":["x"]}', type: json, want: { a: 1, b: true, c: ['x'] } },
    { name: 'JSON with a character set', text: '{"a":1}', type: 'application/json;charset=UTF-8', want: { a: 1 } },
  ];
  it.each(rows)('$name', ({ text, type, want }) => {
    expect(parseBody(text, type)).toEqual(want);
  });

  const refused = [
    { name: 'broken JSON', text: '{', type: json, status: 500 },
    { name: 'a JSON list', text: '[1]', type: json, status: 500 },
    { name: 'JSON null', text: 'null', type: json, status: 500 },
    { name: 'another type', text: 'x', type: 'text/plain', status: 506 },
  ];
  it.each(refused)('refuses $name', ({ text, type, status }) => {
    expect(refusalOf(() => parseBody(text, type))?.status).toBe(status);
  });
});
