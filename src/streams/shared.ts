import type {OwnerPlaces} from '../core/shape.ts';
import {member} from './member.ts';

/** Records that say which app they are of, in lists that hold those of other apps too. */
export const ownedHere: OwnerPlaces = {userId: ['user_id'], appId: ['app_id'], unless: ['bookmark_origin']};

/**
 * What an embedded newest version tells of the versions below its parent. It is no part of the parent (it has a table of
 * its own), but where it differs from last time versions have changed.
 */
export function versionSign(version: unknown): string {
  const parts = [member(version, 'id'), member(version, 'status', 'code'), member(version, 'modified_at')];
  return version === undefined ? '' : JSON.stringify(parts);
}
