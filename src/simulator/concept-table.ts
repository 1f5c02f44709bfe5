import {Collection} from './collection.ts';
import {WordIds} from './ids.ts';
import {hash32} from './random.ts';
import type {Owner, RecordText} from './record.ts';
import {Timeline} from './record.ts';
import type {ConceptState} from './render-small.ts';
import {conceptName, renderConcept} from './render-small.ts';
import {WORDS} from './words.ts';

/** The concepts of an app. */
export class ConceptTable {
  readonly all: Collection<ConceptState>;
  readonly #owner: Owner;
  readonly #timeline: Timeline;
  readonly #tags: readonly string[];

  constructor(owner: Owner, count: number, timeline: {startUs: number; spanUs: number}) {
    this.#owner = owner;
    this.all = new Collection(count, new WordIds(WORDS));
    this.#timeline = new Timeline(timeline.startUs, timeline.spanUs, count);
    this.#tags = Array.from({length: Math.min(Math.max(count, 1), 1000)}, (_, slot) => this.#tagStart(slot));
  }

  render(slot: number): RecordText {
    const state = this.all.states.get(slot);
    if (state?.raw !== undefined) return state.raw;
    const createdUs = state?.createdUs ?? this.#timeline.at(slot, hash32(this.#owner.seed, slot));
    return renderConcept(this.#owner, {id: this.all.idOf(slot), slot, createdUs}, state);
  }

  /** JSON text of a concept as annotations carry it, chosen by `h`. */
  tag(h: number, value: string): string {
    return `${this.#tags[h % this.#tags.length] as string}${value}}`;
  }

  #tagStart(slot: number): string {
    const name = JSON.stringify(conceptName(slot, hash32(this.#owner.seed, slot), 0));
    const id = JSON.stringify(this.all.idOf(slot));
    return `{"id":${id},"name":${name},"language":"en","app_id":${this.#owner.appJson},"user_id":${this.#owner.userJson},"value":`;
  }
}
