import type {Answer} from './answer.ts';
import {gone, page, single} from './answer.ts';
import type {ApiRequest} from './api-request.ts';
import {isFailure, pageOf} from './api-request.ts';
import type {AppWorld} from './app-world.ts';
import {instantText} from './instant.ts';
import {hash32} from './random.ts';
import {AWKWARD} from './words.ts';

/** GET users/{id}: the one user there is, with the personal data that a real one has. */
export function getUser(userId: string): Answer {
  const user = {
    id: userId,
    primary_email: `${userId}@example.org`,
    first_name: 'Ada',
    last_name: 'Example',
    company_name: AWKWARD[0],
    created_at: '2023-05-06T07:08:09.123456Z',
    email_addresses: [{email: `${userId}@example.org`, primary: true, verified: true}],
    visibility: {gettable: 10},
    user_detail: {primary_email: `${userId}@example.org`, teams_count: 1},
  };
  return single('user', JSON.stringify(user));
}

/** GET users/{id}/apps: without markers, and with counts only when `additional_fields` asks. */
export function listApps(worlds: readonly AppWorld[], request: ApiRequest): Answer {
  const [first] = worlds;
  if (first === undefined) return page('apps', []);
  const wanted = pageOf(request.query, first.settings);
  if (isFailure(wanted)) return wanted;
  const fields = request.query.getAll('additional_fields');
  const withCounts = fields.includes('counts') || fields.includes('all');
  const slice = worlds.slice(wanted.offset, wanted.offset + wanted.perPage);
  return page(
    'apps',
    slice.map((world) => appText(world, {marker: false, counts: withCounts})),
  );
}

/** GET apps/{id}, with the marker. */
export function getApp(world: AppWorld | undefined, appId: string): Answer {
  if (world === undefined) return gone(`App '${appId}'`);
  return single('app', appText(world, {marker: !world.settings.markerAbsent, counts: true}));
}

/** GET resource_counts: 64-bit numbers as strings, zeros left out. */
export function resourceCounts(world: AppWorld): Answer {
  const counts = countsOf(world);
  return {kind: 'object', members: counts === '' ? [] : [counts]};
}

/** JSON text of an app. */
export function appText(world: AppWorld, shown: {marker: boolean; counts: boolean}): string {
  const {owner, size} = world;
  const h = hash32(owner.seed, 11);
  const createdUs = size.startMs * 1000 + (h % 1e6);
  const extra = [
    shown.marker ? `"search_revision_marker":"${world.marker}"` : '',
    shown.counts ? `"counts":{${countsOf(world)}}` : '',
  ].filter((part) => part !== '');
  const extraInfo = extra.length === 0 ? '' : `,"extra_info":{${extra.join(',')}}`;
  return `{"id":${owner.appJson},"name":${owner.appJson},"default_language":"en","user_id":${owner.userJson},"created_at":"${instantText(createdUs)}","modified_at":"${instantText(createdUs + 86_400e6)}","visibility":{"gettable":10},"data_tier_id":"basic","star_count":${1 + (h % 5)},"is_template":false${extraInfo}}`;
}

function countsOf(world: AppWorld): string {
  const datasets = [...world.datasets.all.order].filter((slot) => !world.datasets.isBookmarked(slot)).length;
  const counts: [string, number][] = [
    ['datasets', datasets],
    ['inputs', world.inputs.all.order.size],
  ];
  return counts
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `"${name}":"${count}"`)
    .join(',');
}
