import {APP_RESOURCES} from './app-resources.ts';
import {MODEL_RESOURCES} from './model-resources.ts';
import type {Resource, ResourceCounts} from './resource.ts';
import {SHARED_RESOURCES} from './shared-resources.ts';

/** Every list that is simulated from a declaration alone. */
export const RESOURCES: readonly Resource[] = [...MODEL_RESOURCES, ...APP_RESOURCES, ...SHARED_RESOURCES];

/** A few of everything. */
export const A_FEW: ResourceCounts = Object.fromEntries(RESOURCES.map(({name}) => [name, name === 'models' ? 6 : 4]));
