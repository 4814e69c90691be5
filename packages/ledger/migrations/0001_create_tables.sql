-- The ledger, the counters that are its sum, and what belongs to them. Everything lives in the schema
-- `spendgate`, so that one database may also hold other tables. Subjects, periods and ids are compared
-- by their bytes (COLLATE "C"): writers lock counters in that order, whatever the database's locale is.

COMMENT ON SCHEMA spendgate IS 'Spendgate: the ledger of LLM calls, the counters, rules and budgets';

CREATE TABLE spendgate.event_ids (
  id text COLLATE "C" PRIMARY KEY,
  started_at timestamptz NOT NULL,
  fingerprint bigint NOT NULL
);
COMMENT ON TABLE spendgate.event_ids IS 'Every event ever recorded. Kept for ever, apart from the ledger, whose unique keys would have to hold the month';
COMMENT ON COLUMN spendgate.event_ids.id IS 'The event''s id as LiteLLM gave it; longer than 512 characters: sha256:<hex>';
COMMENT ON COLUMN spendgate.event_ids.started_at IS 'When the call began: leads to the partition of its ledger row';
COMMENT ON COLUMN spendgate.event_ids.fingerprint IS '64 bits over reported start, cost and customer: another value under the same id is a conflict, no duplicate';

CREATE TABLE spendgate.spend_events (
  started_at timestamptz NOT NULL,
  cost_nano_usd bigint NOT NULL CHECK (cost_nano_usd >= 0),
  prompt_tokens bigint NOT NULL,
  completion_tokens bigint NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  clock_ahead boolean NOT NULL,
  failed boolean NOT NULL,
  cache_hit boolean NOT NULL,
  unpriced boolean NOT NULL,
  id text COLLATE "C" NOT NULL,
  call_id text,
  base text COLLATE "C",
  identity text COLLATE "C",
  category text COLLATE "C",
  end_user text COLLATE "C",
  key_hash text COLLATE "C",
  key_alias text,
  team_id text COLLATE "C",
  user_id text COLLATE "C",
  organisation_id text COLLATE "C",
  model_group text,
  model text,
  provider text,
  user_agent text,
  request_tags text[],
  metadata jsonb
) PARTITION BY RANGE (started_at);
COMMENT ON TABLE spendgate.spend_events IS 'The ledger: one row for each LLM call, appended only. Uniqueness is event_ids'' task';
COMMENT ON COLUMN spendgate.spend_events.started_at IS 'When the call began; decides its period and its partition';
COMMENT ON COLUMN spendgate.spend_events.cost_nano_usd IS 'Cost in nano-USD; 0 for failures, cache hits and unpriced calls';
COMMENT ON COLUMN spendgate.spend_events.prompt_tokens IS 'Tokens sent to the model';
COMMENT ON COLUMN spendgate.spend_events.completion_tokens IS 'Tokens the model answered with';
COMMENT ON COLUMN spendgate.spend_events.recorded_at IS 'Start of the transaction that recorded the row';
COMMENT ON COLUMN spendgate.spend_events.ended_at IS 'When the call ended; null when LiteLLM did not say';
COMMENT ON COLUMN spendgate.spend_events.clock_ahead IS 'The reported start lay in the future; started_at is the time of receipt';
COMMENT ON COLUMN spendgate.spend_events.failed IS 'The call failed';
COMMENT ON COLUMN spendgate.spend_events.cache_hit IS 'LiteLLM answered from its cache';
COMMENT ON COLUMN spendgate.spend_events.unpriced IS 'A success whose cost was unknown; a price given later is an adjustment';
COMMENT ON COLUMN spendgate.spend_events.id IS 'The event''s id, as in event_ids';
COMMENT ON COLUMN spendgate.spend_events.call_id IS 'litellm_call_id; a failed attempt and its fallback share one';
COMMENT ON COLUMN spendgate.spend_events.base IS 'The customer without a derived suffix; null for calls without a customer';
COMMENT ON COLUMN spendgate.spend_events.identity IS 'The customer id the call is charged to';
COMMENT ON COLUMN spendgate.spend_events.category IS 'platform, cli or premium_models; null without a customer';
COMMENT ON COLUMN spendgate.spend_events.end_user IS 'The customer as LiteLLM sent it';
COMMENT ON COLUMN spendgate.spend_events.key_hash IS 'Hash of the key, or LiteLLM''s name for its master key';
COMMENT ON COLUMN spendgate.spend_events.key_alias IS 'The key''s alias';
COMMENT ON COLUMN spendgate.spend_events.team_id IS 'LiteLLM''s team';
COMMENT ON COLUMN spendgate.spend_events.user_id IS 'LiteLLM''s internal user';
COMMENT ON COLUMN spendgate.spend_events.organisation_id IS 'LiteLLM''s organisation';
COMMENT ON COLUMN spendgate.spend_events.model_group IS 'The public model name';
COMMENT ON COLUMN spendgate.spend_events.model IS 'The deployed model';
COMMENT ON COLUMN spendgate.spend_events.provider IS 'The provider behind the model';
COMMENT ON COLUMN spendgate.spend_events.user_agent IS 'The caller''s user agent; marks calls of the command line client';
COMMENT ON COLUMN spendgate.spend_events.request_tags IS 'Request tags; null when there are none';
COMMENT ON COLUMN spendgate.spend_events.metadata IS 'The metadata entries that METADATA_KEYS names; null when there are none';

CREATE TABLE spendgate.spend_events_default PARTITION OF spendgate.spend_events DEFAULT;
COMMENT ON TABLE spendgate.spend_events_default IS 'Rows of months without a partition. Should be empty; a job moves what lands here';

-- Ids need an index only where events are looked up: the few unpriced ones.
CREATE INDEX spend_events_unpriced ON spendgate.spend_events (id) WHERE unpriced;

CREATE TABLE spendgate.adjustments (
  id text COLLATE "C" PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('pricing', 'opening_balance', 'reset')),
  event_id text COLLATE "C",
  amount_nano_usd bigint NOT NULL,
  effective_at timestamptz NOT NULL,
  subjects text[] NOT NULL,
  periods text[] NOT NULL,
  actor text NOT NULL,
  note text,
  recorded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE spendgate.adjustments IS 'Signed corrections of the counters; nothing in the ledger is ever edited';
COMMENT ON COLUMN spendgate.adjustments.id IS 'Fixed by the caller, so that repeating an adjustment changes nothing';
COMMENT ON COLUMN spendgate.adjustments.kind IS 'pricing: the cost of an unpriced event. opening_balance: spend of detached partitions. reset: a manual reset';
COMMENT ON COLUMN spendgate.adjustments.event_id IS 'The event that is priced; null for the other kinds';
COMMENT ON COLUMN spendgate.adjustments.amount_nano_usd IS 'Signed nano-USD, added to each of the subjects';
COMMENT ON COLUMN spendgate.adjustments.effective_at IS 'When the money was spent; lies in the periods';
COMMENT ON COLUMN spendgate.adjustments.subjects IS 'Subject keys (kind:id) it is charged to';
COMMENT ON COLUMN spendgate.adjustments.periods IS 'The period id for each of the subjects, as it was when recorded';
COMMENT ON COLUMN spendgate.adjustments.actor IS 'Who did it: the name of a token, or a job';
COMMENT ON COLUMN spendgate.adjustments.note IS 'Why, in the actor''s words';
COMMENT ON COLUMN spendgate.adjustments.recorded_at IS 'Start of the transaction that recorded it';
CREATE UNIQUE INDEX adjustments_pricing ON spendgate.adjustments (event_id) WHERE kind = 'pricing';

-- Every batch updates rows here, so updates must stay in their page (HOT): room is left in each page, and no
-- index holds a column that changes with spend. The partial indexes' predicates change only when a period closes.
CREATE TABLE spendgate.counters (
  subject text COLLATE "C" NOT NULL,
  period text COLLATE "C" NOT NULL,
  stripe smallint NOT NULL,
  retired boolean NOT NULL DEFAULT false,
  period_end timestamptz,
  closed_at timestamptz,
  version bigint NOT NULL,
  spent_nano_usd numeric NOT NULL,
  PRIMARY KEY (subject, period, stripe)
) WITH (fillfactor = 50);
COMMENT ON TABLE spendgate.counters IS 'The ledger''s sums, kept in the commit that records the events. Readers add up the stripes';
COMMENT ON COLUMN spendgate.counters.subject IS 'Subject key, kind:id';
COMMENT ON COLUMN spendgate.counters.period IS 'Period id: none, or <start>-<end> in milliseconds since 1970';
COMMENT ON COLUMN spendgate.counters.stripe IS 'The writer''s part of the sum; always 0 for customers';
COMMENT ON COLUMN spendgate.counters.retired IS 'Belongs to a scheme that is no longer in force';
COMMENT ON COLUMN spendgate.counters.period_end IS 'End of the period; null when it never ends';
COMMENT ON COLUMN spendgate.counters.closed_at IS 'When its sum went to closed_periods; null again after a late event';
COMMENT ON COLUMN spendgate.counters.version IS 'Grows with every change; microseconds of the database''s clock, below 2^53';
COMMENT ON COLUMN spendgate.counters.spent_nano_usd IS 'Sum in nano-USD. Numeric, so that a sum can never overflow and refuse an event';
CREATE INDEX counters_open ON spendgate.counters (subject, period, stripe) WHERE closed_at IS NULL AND NOT retired;
COMMENT ON INDEX spendgate.counters_open IS 'The rows a rebuild and a walk read, so that years of closed periods do not slow them';
CREATE INDEX counters_to_close ON spendgate.counters (period_end)
  WHERE closed_at IS NULL AND NOT retired AND period_end IS NOT NULL;
COMMENT ON INDEX spendgate.counters_to_close IS 'Work list of closing periods';

CREATE TABLE spendgate.counter_changes (
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  size integer NOT NULL,
  subjects text[] NOT NULL
);
ALTER TABLE spendgate.counter_changes ALTER COLUMN subjects SET STORAGE EXTERNAL;
CREATE INDEX counter_changes_xid ON spendgate.counter_changes (xid);
COMMENT ON TABLE spendgate.counter_changes IS 'What each transaction changed, kept until every bucket''s cursor in Redis has passed it';
COMMENT ON COLUMN spendgate.counter_changes.xid IS 'The transaction that changed the counters';
COMMENT ON COLUMN spendgate.counter_changes.size IS 'How many subjects, so that a sweep can tell when walking all open counters is cheaper';
COMMENT ON COLUMN spendgate.counter_changes.subjects IS 'Subject keys it changed; stored uncompressed, since rows live for seconds';

CREATE TABLE spendgate.incarnation (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  epoch bigint NOT NULL,
  system_identifier text NOT NULL,
  timeline text NOT NULL,
  counters_oid bigint NOT NULL,
  counter_buckets integer NOT NULL,
  changes_from xid8 NOT NULL DEFAULT '0',
  raised_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE spendgate.incarnation IS 'Which history of this database the copies in Redis belong to: one row';
COMMENT ON COLUMN spendgate.incarnation.singleton IS 'Always true: there is one row';
COMMENT ON COLUMN spendgate.incarnation.epoch IS 'Part of every counter''s key in Redis; grows when copies may hold what this database lost';
COMMENT ON COLUMN spendgate.incarnation.system_identifier IS 'pg_control_system(); unknown where the server hides it';
COMMENT ON COLUMN spendgate.incarnation.timeline IS 'Timeline of the write-ahead log; unknown where the server hides it';
COMMENT ON COLUMN spendgate.incarnation.counters_oid IS 'The counters table itself: a restored dump has another';
COMMENT ON COLUMN spendgate.incarnation.counter_buckets IS 'COUNTER_BUCKETS, by which subjects spread over Redis';
COMMENT ON COLUMN spendgate.incarnation.changes_from IS 'Below this transaction counter_changes has been purged: a copy whose cursor lies before it is rebuilt';
COMMENT ON COLUMN spendgate.incarnation.raised_at IS 'When the epoch was last raised';

CREATE TABLE spendgate.published_rules (
  version bigint PRIMARY KEY,
  rules text NOT NULL,
  published_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE spendgate.published_rules IS 'Rules by which calls are attributed and checked; the highest version is in force, a bounded number is kept';
COMMENT ON COLUMN spendgate.published_rules.version IS 'Grows by one with each publication';
COMMENT ON COLUMN spendgate.published_rules.rules IS 'The rules as encoded text';
COMMENT ON COLUMN spendgate.published_rules.published_at IS 'When they were published';

CREATE TABLE spendgate.budgets (
  budget_id text COLLATE "C" PRIMARY KEY,
  origin text NOT NULL CHECK (origin IN ('file', 'api', 'litellm')),
  name text NOT NULL,
  description text,
  category text CHECK (category IN ('platform', 'cli', 'premium_models')),
  soft_nano_usd bigint,
  max_nano_usd bigint,
  duration text,
  tpm_limit bigint,
  rpm_limit bigint,
  max_parallel_requests bigint,
  changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE spendgate.budgets IS 'Budgets, whoever defined them';
COMMENT ON COLUMN spendgate.budgets.budget_id IS 'The budget''s id';
COMMENT ON COLUMN spendgate.budgets.origin IS 'Who defined it: file, api or litellm. Only rows of origin litellm follow what LiteLLM removes';
COMMENT ON COLUMN spendgate.budgets.name IS 'Name for people';
COMMENT ON COLUMN spendgate.budgets.description IS 'Description for people';
COMMENT ON COLUMN spendgate.budgets.category IS 'The kind of customers'' use it limits; null on budgets for other subjects';
COMMENT ON COLUMN spendgate.budgets.soft_nano_usd IS 'Warning limit in nano-USD; null is none';
COMMENT ON COLUMN spendgate.budgets.max_nano_usd IS 'Hard limit in nano-USD; null is unlimited, 0 allows nothing';
COMMENT ON COLUMN spendgate.budgets.duration IS 'LiteLLM''s duration text; null never resets';
COMMENT ON COLUMN spendgate.budgets.tpm_limit IS 'Tokens a minute; null is unlimited';
COMMENT ON COLUMN spendgate.budgets.rpm_limit IS 'Requests a minute; null is unlimited';
COMMENT ON COLUMN spendgate.budgets.max_parallel_requests IS 'Calls at a time; null is unlimited';
COMMENT ON COLUMN spendgate.budgets.changed_at IS 'When the row last changed';

CREATE TABLE spendgate.budget_assignments (
  subject text COLLATE "C" PRIMARY KEY,
  budget_id text COLLATE "C" NOT NULL REFERENCES spendgate.budgets (budget_id),
  origin text NOT NULL CHECK (origin IN ('file', 'api', 'litellm')),
  assigned_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX budget_assignments_budget ON spendgate.budget_assignments (budget_id);
COMMENT ON TABLE spendgate.budget_assignments IS 'Explicit assignments; a subject without one has the default of its category';
COMMENT ON COLUMN spendgate.budget_assignments.subject IS 'Subject key, kind:id';
COMMENT ON COLUMN spendgate.budget_assignments.budget_id IS 'The budget that hangs on it';
COMMENT ON COLUMN spendgate.budget_assignments.origin IS 'Who assigned it: file, api or litellm';
COMMENT ON COLUMN spendgate.budget_assignments.assigned_at IS 'When it was assigned';

CREATE TABLE spendgate.closed_periods (
  subject text COLLATE "C" NOT NULL,
  period text COLLATE "C" NOT NULL,
  revision integer NOT NULL,
  period_end timestamptz NOT NULL,
  spent_nano_usd numeric NOT NULL,
  closed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (subject, period, revision)
);
COMMENT ON TABLE spendgate.closed_periods IS 'What was spent in each finished period; the highest revision counts';
COMMENT ON COLUMN spendgate.closed_periods.subject IS 'Subject key, kind:id';
COMMENT ON COLUMN spendgate.closed_periods.period IS 'Period id, as in counters';
COMMENT ON COLUMN spendgate.closed_periods.revision IS '1, then one more each time a late event changed the sum';
COMMENT ON COLUMN spendgate.closed_periods.period_end IS 'End of the period';
COMMENT ON COLUMN spendgate.closed_periods.spent_nano_usd IS 'Sum over all stripes in nano-USD';
COMMENT ON COLUMN spendgate.closed_periods.closed_at IS 'When this revision was written';

CREATE TABLE spendgate.rejected_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  event_id text,
  reason text NOT NULL,
  detail text NOT NULL,
  projection jsonb,
  source text NOT NULL CHECK (source IN ('http', 'kafka')),
  source_offset text,
  received_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'dismissed')),
  changed_by text,
  changed_at timestamptz
);
CREATE INDEX rejected_events_state ON spendgate.rejected_events (state, id);
COMMENT ON TABLE spendgate.rejected_events IS 'Events that were refused, kept until they are replayed or dismissed';
COMMENT ON COLUMN spendgate.rejected_events.id IS 'Number of the rejection';
COMMENT ON COLUMN spendgate.rejected_events.digest IS 'SHA-256 over what makes a rejection the same one: event id, reason, projection as it came (without an id also a digest of what was sent, or the source''s offset)';
COMMENT ON COLUMN spendgate.rejected_events.event_id IS 'The event''s id, where it had one';
COMMENT ON COLUMN spendgate.rejected_events.reason IS 'A stable word: not_json, invalid, id_conflict, refused_by_ledger';
COMMENT ON COLUMN spendgate.rejected_events.detail IS 'The field and the rule it broke; never content';
COMMENT ON COLUMN spendgate.rejected_events.projection IS 'The event reduced to allowed fields, or as corrected since; null when nothing could be read';
COMMENT ON COLUMN spendgate.rejected_events.source IS 'http or kafka';
COMMENT ON COLUMN spendgate.rejected_events.source_offset IS 'topic/partition/offset for Kafka';
COMMENT ON COLUMN spendgate.rejected_events.received_at IS 'When it was received';
COMMENT ON COLUMN spendgate.rejected_events.state IS 'open, replayed or dismissed';
COMMENT ON COLUMN spendgate.rejected_events.changed_by IS 'Who changed it last';
COMMENT ON COLUMN spendgate.rejected_events.changed_at IS 'When it was changed last';
