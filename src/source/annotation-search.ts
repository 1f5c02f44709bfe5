import type {Scope} from '../core/scope.ts';
import type {Window} from '../core/window.ts';
import type {ListCall} from './pages.ts';

/**
 * Annotations that were last updated within a window, ends included. A search: how deep it can be paged is capped, and
 * an edit may take a while to show (clarifai-api.md, section 7).
 */
export function annotationSearch(scope: Scope, {from, to}: Window): ListCall {
  const range = {last_updated_time_range: {start_time: from, end_time: to}};
  return {
    method: 'POST',
    template: '/v2/users/{user_id}/apps/{app_id}/annotations/searches',
    params: {user_id: scope.userId, app_id: scope.appId},
    body: {searches: [{query: {filters: [range]}}]},
    records: {field: 'hits', member: 'annotation'},
  };
}
