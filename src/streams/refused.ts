/** What the API can list and this service never reads, by the name of the list, and why. */
export const REFUSED: Readonly<Record<string, string>> = {
  next_task_assignments: 'asking for it hands labelling work out to whoever asks',
  runner_items: 'asking for it takes work away from the runner',
  app_keys: 'the id of a key is the secret itself',
  user_keys: 'the id of a key is the secret itself',
  scopes: 'it needs a session of the web portal; no token can read it',
  concept_relations_by_concept: 'concept_relations has the same relations, each once',
  trending_metrics_views: 'it was removed from the API in November 2024',
  model_inputs: 'it is deprecated and unmaintained; see train_dataset_id of model_versions',
  model_version_inputs: 'it is deprecated and unmaintained; see train_dataset_id of model_versions',
  model_version_evaluations: 'it is deprecated; evaluations has them',
};
