import {hash32, hex8} from './random.ts';
import type {AnnotationFacts} from './render-annotation.ts';
import {AWKWARD} from './words.ts';

/** Fractions of a side, exact in 32 bits, as text. */
const PARTS: readonly string[] = Array.from({length: 257}, (_, n) => String(n / 256));
const AWKWARD_JSON = AWKWARD.map((text) => JSON.stringify(text));

/** The `data` of an annotation with one region, frame or time segment, as its input's medium has them. */
export function regionText(facts: AnnotationFacts, h: number, value: string): string {
  const concepts = `"data":{"concepts":[${facts.concept(h, value)}]}`;
  const id = `"id":"${hex8(h)}${hex8(facts.slot)}"`;
  // A region's own value of zero is left out, a concept's is shown.
  const score = facts.trusted ? '' : `,"value":${value}`;
  switch (facts.media) {
    case 'image':
      return `{"regions":[{${id},"region_info":${imageShape(h)},${concepts}${score}}]}`;
    case 'text':
      return `{"regions":[{${id},"region_info":${textShape(h)},${concepts}${score}}]}`;
    case 'video': {
      const time = (h % 5000) * 20;
      const info = `"frame_info":{"index":${h % 5000},"time":${time},"number":${((time * 3) / 100) | 0}}`;
      const region = `{${id},"region_info":{"bounding_box":${box(h)}},${concepts}${score},"track_id":"t${h % 7}"}`;
      return `{"frames":[{${info},"data":{"regions":[${region}]},"id":"f${hex8(h)}"}]}`;
    }
    case 'audio': {
      const begin = (h % 400) / 4;
      return `{"time_segments":[{${id},${concepts},"time_info":{"num_frames":${1 + (h % 90)},"begin_time":${begin},"end_time":${begin + 1.5}}}]}`;
    }
  }
}

function imageShape(h: number): string {
  const form = (h >>> 8) % 20;
  if (form < 11) return `{"bounding_box":${box(h)}}`;
  if (form < 15) return `{"polygon":{"points":[${points(h, 3 + ((h >>> 13) % 6))}]}}`;
  if (form < 17) return `{"point":${point(h, 0)}}`;
  if (form < 18) return `{"keypoint_locations":[${points(h, 4)}]}`;
  const hosted = `{"prefix":"https://data.clarifai.com","suffix":"masks/${hex8(h)}","sizes":["orig"],"crossorigin":"use-credentials"}`;
  return `{"mask":{"image":{"hosted":${hosted},"image_info":{"width":256,"height":256,"format":"PNG","color_mode":"GRAY"}}}}`;
}

function textShape(h: number): string {
  const start = (h >>> 4) % 8 === 0 ? 0 : (h >>> 4) % 500;
  const raw = AWKWARD_JSON[h % AWKWARD_JSON.length] as string;
  const kind = (h >>> 16) % 5 === 0 ? 'token' : 'span';
  return `{"${kind}":{"char_start":${start},"char_end":${start + 1 + (h % 12)},"raw_text":${raw}}}`;
}

/** Sides as fractions; a side of zero is shown. */
function box(h: number): string {
  const top = h & 127;
  const left = (h >>> 7) & 127;
  const bottom = PARTS[top + 1 + ((h >>> 14) & 127)] as string;
  const right = PARTS[left + 1 + ((h >>> 21) & 127)] as string;
  return `{"top_row":${PARTS[top] as string},"left_col":${PARTS[left] as string},"bottom_row":${bottom},"right_col":${right}}`;
}

function points(h: number, count: number): string {
  let text = point(h, 0);
  for (let k = 1; k < count; k++) text += `,${point(h, k)}`;
  return text;
}

function point(h: number, k: number): string {
  const p = hash32(h, k);
  const visible = (p & 15) === 3 ? ',"visibility":2' : '';
  return `{"row":${PARTS[p >>> 24] as string},"col":${PARTS[(p >>> 16) & 255] as string}${visible}}`;
}
