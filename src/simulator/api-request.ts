import type {FailureAnswer} from './answer.ts';
import {invalid} from './answer.ts';
import type {Settings} from './settings.ts';

/** A request as the endpoints see it. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Parsed JSON of the body; undefined when there is none or it is not JSON. */
  readonly body: unknown;
}

/** Which part of a list is asked for. */
export interface PageRequest {
  readonly page: number;
  readonly perPage: number;
  readonly offset: number;
}

/** Reads `page` and `per_page`. Names in camelCase are ignored, as the real API was seen to do. */
export function pageOf(query: URLSearchParams, settings: Settings, perPageDefault = 128): PageRequest | FailureAnswer {
  return pageFrom(query.get('page'), query.get('per_page'), settings, perPageDefault);
}

/** The same for any source of the two numbers; null or undefined for what was not given. */
export function pageFrom(
  pageGiven: unknown,
  perPageGiven: unknown,
  settings: Settings,
  perPageDefault = 128,
): PageRequest | FailureAnswer {
  const page = pageGiven === null || pageGiven === undefined ? 1 : Number(pageGiven);
  const perPage = perPageGiven === null || perPageGiven === undefined ? perPageDefault : Number(perPageGiven);
  if (!Number.isInteger(page) || page < 1) return invalid('page must be 1 or more');
  if (!Number.isInteger(perPage) || perPage < 1 || perPage > settings.maxPerPage) {
    return invalid(`per_page must be between 1 and ${settings.maxPerPage}`);
  }
  return {page, perPage, offset: (page - 1) * perPage};
}

/** Is this answer a refusal? */
export function isFailure(value: PageRequest | FailureAnswer): value is FailureAnswer {
  return 'kind' in value;
}

/** A member of something that may be no object. */
export function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
