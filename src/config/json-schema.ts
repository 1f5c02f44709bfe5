import {z} from 'zod';
import {OPTION_FACTS} from './fields.ts';
import {FILE} from './table.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/** Members that check a value, which a text with a variable in it cannot pass. */
const CHECKS = [
  'type',
  'anyOf',
  'items',
  'minItems',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
];

const VARIABLE: JsonSchema = {type: 'string', pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}'};

/** The JSON Schema of the file (draft 2020-12) as text, made from the table. */
export function jsonSchemaText(): string {
  const schema = z.toJSONSchema(FILE, {
    io: 'input',
    override: ({zodSchema, jsonSchema}) => {
      if (!(zodSchema instanceof z.ZodObject) || jsonSchema.required === undefined) return;
      const shape = zodSchema.shape as Record<string, z.ZodType>;
      const isFilled = (key: string) => shape[key] !== undefined && OPTION_FACTS.get(shape[key])?.env !== undefined;
      jsonSchema.required = jsonSchema.required.filter((key) => !isFilled(key));
    },
  });
  const {$schema, ...rest} = withVariables(schema);
  return `${JSON.stringify({$schema, title: 'The configuration of clarifai-sync', ...rest}, null, 2)}\n`;
}

/** The same schema, with `${NAME}` allowed wherever it takes a number, a word of a list, or text of a certain form. */
function withVariables(schema: JsonSchema): JsonSchema {
  const isSpecial =
    'pattern' in schema || 'enum' in schema || ['number', 'integer', 'boolean'].includes(String(schema['type']));
  const entries = Object.entries(schema);
  if (isSpecial) {
    const checks = Object.fromEntries(entries.filter(([name]) => CHECKS.includes(name)));
    return {...Object.fromEntries(entries.filter(([name]) => !CHECKS.includes(name))), anyOf: [checks, VARIABLE]};
  }
  return Object.fromEntries(
    entries.map(([name, value]) => {
      if (name === 'properties') return [name, mapValues(value as Record<string, JsonSchema>, withVariables)];
      if (name === 'items' || name === 'additionalProperties') {
        return [name, typeof value === 'object' ? withVariables(value as JsonSchema) : value];
      }
      if (name === 'anyOf' || name === 'oneOf') return [name, (value as JsonSchema[]).map(withVariables)];
      return [name, value];
    }),
  );
}

function mapValues<A, B>(values: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}
