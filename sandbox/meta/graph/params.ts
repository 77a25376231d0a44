import type { Request } from 'express';
import { invalidParameter } from '../errors.ts';

interface UploadedFile {
  bytes: Buffer;
  mimetype: string;
  name: string;
}

/** What a call was given: in the query, as a form, or as JSON. A body's value replaces the query's. */
export interface Params {
  /** Undefined where it is missing or empty. */
  text(name: string): string | undefined;
  /** Throws 100. */
  required(name: string): string;
  /** An object or a list, also as JSON text; undefined where it is missing. Throws 100 for broken JSON. */
  json(name: string): unknown;
  /** As `json`, and an object. Throws 100. */
  object(name: string): Record<string, unknown> | undefined;
  /** A list, also as `a,b` or `["a","b"]`. */
  list(name: string): string[];
  file(name: string): UploadedFile | undefined;
  /** Values as they came, without files. */
  all: Readonly<Record<string, unknown>>;
}

export function paramsOf(req: Request): Params {
  const body =
    typeof req.body === 'object' && req.body !== null && !Array.isArray(req.body) ? (req.body as object) : {};
  const all: Record<string, unknown> = { ...req.query, ...body };
  const files = Array.isArray(req.files) ? req.files : [];
  const raw = (name: string): unknown => {
    const value = all[name];
    return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value.at(-1) : value;
  };
  const params: Params = {
    all,
    text(name) {
      const value = raw(name);
      if (typeof value === 'string') return value === '' ? undefined : value;
      return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
    },
    required(name) {
      const value = params.text(name);
      if (value === undefined) throw invalidParameter(`The parameter ${name} is required.`);
      return value;
    },
    json(name) {
      const value = all[name];
      if (typeof value !== 'string' || !/^\s*["[{]/.test(value)) return value;
      try {
        return JSON.parse(value);
      } catch {
        throw invalidParameter(`${name} must be valid JSON.`);
      }
    },
    object(name) {
      const value = params.json(name);
      if (value === undefined || isObject(value)) return value;
      throw invalidParameter(`${name} must be an object.`);
    },
    list(name) {
      const value = params.json(name);
      if (Array.isArray(value)) return value.map(String);
      return typeof value === 'string' && value !== '' ? value.split(',').map((one) => one.trim()) : [];
    },
    file(name) {
      const found = files.find(({ fieldname }) => fieldname === name);
      return found && { bytes: found.buffer, mimetype: found.mimetype, name: found.originalname };
    },
  };
  return params;
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A text or a number as text; empty for anything else. */
export const asText = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
