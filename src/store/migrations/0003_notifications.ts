import type {MigrationBuilder} from 'node-pg-migrate';

/** Messages that are to be sent, written with what they tell of (store/notifications.ts), delivered afterwards. */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
create table clarifai_sync.notifications (
  notification_id uuid primary key default gen_random_uuid(),
  -- null: of a run that could not begin.
  run_id uuid references clarifai_sync.runs on delete cascade,
  scope_user_id text collate "C" not null,
  scope_app_id text collate "C" not null,
  event text not null check (event in ('failed', 'partial', 'drift', 'recovered')),
  -- The message as it is sent, so that its signature holds for every try.
  body text not null,
  created_at timestamptz not null default clock_timestamp(),
  -- When it may be tried next; a try under way moves it on first, so that no other process sends the same meanwhile.
  due_at timestamptz not null default clock_timestamp(),
  attempts integer not null default 0,
  delivered_at timestamptz,
  given_up_at timestamptz,
  last_error text,
  unique (run_id, event)
);
create index notifications_due on clarifai_sync.notifications (due_at) where delivered_at is null and given_up_at is null;
`);
}

/** There is no way back: an older version of the program refuses a newer store. */
export const down = false;
