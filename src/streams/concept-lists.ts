import {count, text, visibility} from './columns.ts';
import {declareStream, fromParent, fromRecord} from './declare.ts';

const CONCEPTS = '/v2/users/{user_id}/apps/{app_id}/concepts';

export const conceptCounts = declareStream({
  name: 'concept_counts',
  doc: 'How many inputs are labelled with each concept, and how many are labelled as not showing it.',
  path: `${CONCEPTS}/status`,
  responseField: 'concept_counts',
  columns: [
    text('name', ['name'], 'Name of the concept.'),
    count('positive', ['concept_type_count', 'positive'], 'Inputs that show it.'),
    count('negative', ['concept_type_count', 'negative'], 'Inputs that are labelled as not showing it.'),
    count('processed_positive', ['detail_concept_count', 'processed', 'positive'], 'Of those, fully processed.'),
    count('processed_negative', ['detail_concept_count', 'processed', 'negative'], 'Of those, fully processed.'),
  ],
  // There is no counting one concept alone; a concept that is deleted takes its count along.
  proof: {kind: 'twice'},
  cascade: [{stream: 'concepts', keys: {id: 'id'}}],
});

export const conceptLanguages = declareStream({
  name: 'concept_languages',
  doc: 'Names of concepts in other languages. A request or more for each concept.',
  isDefault: false,
  strategy: 'children',
  under: {stream: 'concepts', keys: {id: 'concept_id'}},
  path: `${CONCEPTS}/{concept_id}/languages`,
  responseField: 'concept_languages',
  key: [fromParent('concept_id'), fromRecord('id')],
  columns: [
    text('name', ['name'], 'Name in this language; the language is the id.'),
    text('definition', ['definition'], 'Text set by the user, in this language.'),
  ],
  proof: {kind: 'id', path: `${CONCEPTS}/{concept_id}/languages/{id}`},
});

export const conceptRelations = declareStream({
  name: 'concept_relations',
  doc: 'Relations between concepts, each in one direction.',
  path: `${CONCEPTS}/relations`,
  responseField: 'concept_relations',
  columns: [
    text('predicate', ['predicate'], 'Kind of relation: hypernym, hyponym or synonym.'),
    text('subject_concept_id', ['subject_concept', 'id'], 'Concept that it starts from.'),
    text('object_concept_id', ['object_concept', 'id'], 'Concept that it leads to.'),
    text('knowledge_graph_id', ['knowledge_graph_id'], 'Knowledge graph that it belongs to.'),
    visibility,
  ],
  byIdOnly: [['subject_concept'], ['object_concept']],
  proof: {kind: 'twice'},
});

export const knowledgeGraphs = declareStream({
  name: 'knowledge_graphs',
  doc: 'Knowledge graphs that relations of concepts belong to.',
  path: `${CONCEPTS}/knowledge_graphs`,
  pages: 'single',
  responseField: 'knowledge_graphs',
  columns: [
    text('name', ['name'], 'Name of the graph.'),
    text('description', ['description'], 'Text set by the user.'),
    text('examples_app_id', ['examples_app_id'], 'App with examples of its concepts.'),
  ],
  proof: {kind: 'twice'},
});
