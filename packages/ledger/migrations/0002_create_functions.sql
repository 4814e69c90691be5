-- The functions that count. Each statement of a VOLATILE plpgsql function has a snapshot of its own at READ
-- COMMITTED, which is what the check of the rules' version rests on: it must read after the lock is held.
-- Lock keys: (1397770068, 1) is counting (shared) against publishing and moving rows (exclusive);
-- (1397770068, 2) serialises changes of partitions.

CREATE FUNCTION spendgate.begin_counting(p_rules_version bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_published bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'counting needs READ COMMITTED, the transaction is %', current_setting('transaction_isolation')
      USING ERRCODE = 'SG002';
  END IF;
  PERFORM pg_advisory_xact_lock_shared(1397770068, 1);
  SELECT coalesce(max(version), 0) INTO v_published FROM spendgate.published_rules;
  IF v_published <> p_rules_version THEN
    RAISE EXCEPTION 'attributed by rules %, published are %', p_rules_version, v_published USING ERRCODE = 'SG001';
  END IF;
END $$;
COMMENT ON FUNCTION spendgate.begin_counting IS
  'Takes the shared lock and refuses (SG001) what was attributed by other rules than the published ones';

CREATE FUNCTION spendgate.apply_charges(
  p_subjects text[], p_periods text[], p_period_ends timestamptz[], p_stripes integer[], p_amounts bigint[],
  OUT spent text, OUT versions text
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_clock_us CONSTANT bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  IF coalesce(cardinality(p_subjects), 0) = 0 THEN
    RETURN;
  END IF;
  WITH changed AS (
    INSERT INTO spendgate.counters AS c (subject, period, stripe, period_end, version, spent_nano_usd)
    SELECT t.subject, t.period, t.stripe, t.period_end, v_clock_us, t.amount
    FROM unnest(p_subjects, p_periods, p_stripes, p_period_ends, p_amounts)
      AS t (subject, period, stripe, period_end, amount)
    ORDER BY t.subject COLLATE "C", t.period COLLATE "C", t.stripe
    ON CONFLICT (subject, period, stripe) DO UPDATE SET
      spent_nano_usd = c.spent_nano_usd + excluded.spent_nano_usd,
      version = greatest(c.version + 1, excluded.version),
      closed_at = NULL
    RETURNING c.subject, c.period, c.stripe, c.spent_nano_usd, c.version
  )
  SELECT array_agg(w.spent_nano_usd ORDER BY w.subject, w.period, w.stripe)::text,
         array_agg(w.version ORDER BY w.subject, w.period, w.stripe)::text
  INTO spent, versions FROM changed w;
  INSERT INTO spendgate.counter_changes (size, subjects) VALUES (cardinality(p_subjects), p_subjects);
END $$;
COMMENT ON FUNCTION spendgate.apply_charges IS
  'Adds amounts to counters, locked in one order everywhere, and notes the change. Returns arrays in key order';

CREATE FUNCTION spendgate.counters_of(p_subjects text[], p_periods text[]) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT coalesce(json_agg(json_build_array(c.subject, c.period, c.stripe,
    (extract(epoch FROM c.period_end) * 1000)::bigint, c.spent_nano_usd::text, c.version)), '[]')::text
  FROM (SELECT DISTINCT t.subject COLLATE "C" AS subject, t.period COLLATE "C" AS period
        FROM unnest(p_subjects, p_periods) AS t (subject, period)) AS wanted
  JOIN spendgate.counters c ON c.subject = wanted.subject AND c.period = wanted.period
  WHERE NOT c.retired AND c.closed_at IS NULL
$$;
COMMENT ON FUNCTION spendgate.counters_of IS
  'All stripes of the subjects'' periods, closed ones left out, as JSON: [subject, period, stripe, end in ms, spent as text, version]';

CREATE FUNCTION spendgate.record_batch(
  p_rules_version bigint,
  p_ids text[], p_fingerprints bigint[], p_started_at timestamptz[], p_ended_at timestamptz[],
  p_costs bigint[], p_prompt_tokens bigint[], p_completion_tokens bigint[], p_flags integer[],
  p_call_ids text[], p_bases text[], p_identities text[], p_categories text[], p_end_users text[],
  p_key_hashes text[], p_key_aliases text[], p_team_ids text[], p_user_ids text[], p_organisation_ids text[],
  p_model_groups text[], p_models text[], p_providers text[], p_user_agents text[],
  p_request_tags text[], p_metadata text[],
  p_subjects text[], p_periods text[], p_period_ends timestamptz[], p_stripes integer[], p_amounts bigint[],
  p_charged_events text, p_charged_counters text,
  OUT epoch bigint, OUT outcomes text, OUT spent text, OUT versions text, OUT counters text
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_new_ids text[];
  v_all_new boolean;
  v_fresh record;
BEGIN
  PERFORM spendgate.begin_counting(p_rules_version);

  WITH added AS (
    INSERT INTO spendgate.event_ids (id, started_at, fingerprint)
    SELECT t.id, t.started_at, t.fingerprint
    FROM unnest(p_ids, p_started_at, p_fingerprints) AS t (id, started_at, fingerprint)
    ORDER BY t.id COLLATE "C"
    ON CONFLICT DO NOTHING
    RETURNING id
  )
  SELECT array_agg(a.id) INTO v_new_ids FROM added a;
  v_all_new := coalesce(cardinality(v_new_ids), 0) = cardinality(p_ids);
  SELECT coalesce(max(i.epoch), 0) INTO epoch FROM spendgate.incarnation i;

  IF v_new_ids IS NOT NULL THEN
    INSERT INTO spendgate.spend_events (
      started_at, cost_nano_usd, prompt_tokens, completion_tokens, ended_at,
      clock_ahead, failed, cache_hit, unpriced,
      id, call_id, base, identity, category, end_user, key_hash, key_alias, team_id, user_id, organisation_id,
      model_group, model, provider, user_agent, request_tags, metadata)
    SELECT
      t.started_at, t.cost, t.prompt_tokens, t.completion_tokens, t.ended_at,
      t.flags & 1 <> 0, t.flags & 2 <> 0, t.flags & 4 <> 0, t.flags & 8 <> 0,
      t.id, t.call_id, t.base, t.identity, t.category, t.end_user, t.key_hash, t.key_alias, t.team_id, t.user_id,
      t.organisation_id, t.model_group, t.model, t.provider, t.user_agent, t.request_tags::text[], t.metadata::jsonb
    FROM unnest(
      p_started_at, p_costs, p_prompt_tokens, p_completion_tokens, p_ended_at, p_flags,
      p_ids, p_call_ids, p_bases, p_identities, p_categories, p_end_users, p_key_hashes, p_key_aliases, p_team_ids,
      p_user_ids, p_organisation_ids, p_model_groups, p_models, p_providers, p_user_agents, p_request_tags, p_metadata
    ) AS t (
      started_at, cost, prompt_tokens, completion_tokens, ended_at, flags,
      id, call_id, base, identity, category, end_user, key_hash, key_alias, team_id,
      user_id, organisation_id, model_group, model, provider, user_agent, request_tags, metadata)
    WHERE v_all_new OR t.id IN (SELECT unnest(v_new_ids));
  END IF;

  IF v_all_new THEN
    SELECT a.spent, a.versions INTO spent, versions
    FROM spendgate.apply_charges(p_subjects, p_periods, p_period_ends, p_stripes, p_amounts) a;
    RETURN;
  END IF;

  -- Some ids were known, so the caller's sums are too high: add up the new events' charges alone.
  IF v_new_ids IS NOT NULL THEN
    WITH fresh AS (
      SELECT t.position, t.cost
      FROM unnest(p_ids, p_costs) WITH ORDINALITY AS t (id, cost, position)
      WHERE t.id IN (SELECT unnest(v_new_ids))
    ), sums AS (
      SELECT charge.counter, sum(fresh.cost)::bigint AS amount
      FROM unnest(p_charged_events::integer[], p_charged_counters::integer[]) AS charge (event, counter)
      JOIN fresh ON fresh.position = charge.event
      GROUP BY charge.counter
    )
    SELECT array_agg(t.subject) AS subjects, array_agg(t.period) AS periods, array_agg(t.period_end) AS period_ends,
           array_agg(t.stripe) AS stripes, array_agg(sums.amount) AS amounts
    INTO v_fresh
    FROM unnest(p_subjects, p_periods, p_period_ends, p_stripes) WITH ORDINALITY
      AS t (subject, period, period_end, stripe, position)
    JOIN sums ON sums.counter = t.position;
    PERFORM spendgate.apply_charges(
      v_fresh.subjects, v_fresh.periods, v_fresh.period_ends, v_fresh.stripes, v_fresh.amounts);
  END IF;

  SELECT string_agg(CASE WHEN t.id IN (SELECT unnest(v_new_ids)) THEN 'r'
                         WHEN known.fingerprint = t.fingerprint THEN 'd' ELSE 'c' END, '' ORDER BY t.position)
  INTO outcomes
  FROM unnest(p_ids, p_fingerprints) WITH ORDINALITY AS t (id, fingerprint, position)
  JOIN spendgate.event_ids known ON known.id = t.id;
  counters := spendgate.counters_of(p_subjects, p_periods);
END $$;
COMMENT ON FUNCTION spendgate.record_batch IS
  'Records a batch of distinct ids, once each. Arrays hold one element for each event; flags: 1 clock_ahead, 2 failed, '
  '4 cache_hit, 8 unpriced. p_subjects to p_amounts: the sums over all events, one for each counter, in key order; '
  'p_charged_*: which event (from 1) charges which of these counters (from 1), as array literals. When all events '
  'are new, outcomes is null and spent and versions are in the order of p_subjects; else outcomes holds r, d or c '
  '(recorded, duplicate, conflict) for each event and counters is as counters_of';

CREATE FUNCTION spendgate.adjust(
  p_rules_version bigint, p_id text, p_kind text, p_event_id text, p_amount bigint, p_effective_at timestamptz,
  p_actor text, p_note text, p_subjects text[], p_periods text[], p_period_ends timestamptz[],
  OUT epoch bigint, OUT recorded boolean, OUT counters text
) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM spendgate.begin_counting(p_rules_version);
  INSERT INTO spendgate.adjustments (id, kind, event_id, amount_nano_usd, effective_at, subjects, periods, actor, note)
  VALUES (p_id, p_kind, p_event_id, p_amount, p_effective_at, p_subjects, p_periods, p_actor, p_note)
  ON CONFLICT DO NOTHING;
  recorded := FOUND;
  SELECT coalesce(max(i.epoch), 0) INTO epoch FROM spendgate.incarnation i;
  IF recorded THEN
    PERFORM spendgate.apply_charges(p_subjects, p_periods, p_period_ends,
      array_fill(0, ARRAY[cardinality(p_subjects)]), array_fill(p_amount, ARRAY[cardinality(p_subjects)]));
  END IF;
  counters := spendgate.counters_of(p_subjects, p_periods);
END $$;
COMMENT ON FUNCTION spendgate.adjust IS 'Records a signed correction once, on stripe 0 of each of its subjects';

CREATE FUNCTION spendgate.close_periods(p_ended_before timestamptz, p_limit integer) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_held record;
  v_closed text;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(1397770068, 1);
  -- A period of which a writer holds some stripe is left for the next run: SKIP LOCKED cannot deadlock.
  WITH due AS (
    SELECT DISTINCT d.subject, d.period FROM (
      SELECT c.subject, c.period FROM spendgate.counters c
      WHERE c.closed_at IS NULL AND NOT c.retired AND c.period_end < least(p_ended_before, now())
      ORDER BY c.period_end LIMIT p_limit
    ) d
  ), held AS (
    SELECT c.subject, c.period, c.stripe FROM spendgate.counters c JOIN due USING (subject, period)
    ORDER BY c.subject, c.period, c.stripe
    FOR UPDATE OF c SKIP LOCKED
  ), counted AS (
    SELECT h.*, count(*) OVER (PARTITION BY h.subject, h.period) AS stripes FROM held h
  )
  SELECT array_agg(h.subject) AS subjects, array_agg(h.period) AS periods, array_agg(h.stripe) AS stripes INTO v_held
  FROM counted h
  WHERE h.stripes = (SELECT count(*) FROM spendgate.counters c WHERE c.subject = h.subject AND c.period = h.period);
  IF v_held.subjects IS NULL THEN
    RETURN '[]';
  END IF;

  -- Exactly the rows held are summed and closed. A stripe that appeared meanwhile stays open, and its period is
  -- closed again, as the next revision, by a later run.
  WITH closed AS (
    UPDATE spendgate.counters c SET closed_at = now()
    FROM unnest(v_held.subjects, v_held.periods, v_held.stripes) AS t (subject, period, stripe)
    WHERE c.subject = t.subject AND c.period = t.period AND c.stripe = t.stripe
    RETURNING c.subject, c.period, c.stripe, c.period_end, c.spent_nano_usd
  ), sums AS (
    SELECT w.subject, w.period, max(w.period_end) AS period_end, sum(w.spent_nano_usd) AS spent
    FROM closed w GROUP BY w.subject, w.period
  ), written AS (
    INSERT INTO spendgate.closed_periods (subject, period, revision, period_end, spent_nano_usd)
    SELECT s.subject, s.period, coalesce(last.revision, 0) + 1, s.period_end, s.spent
    FROM sums s
    LEFT JOIN LATERAL (
      SELECT p.revision, p.spent_nano_usd FROM spendgate.closed_periods p
      WHERE p.subject = s.subject AND p.period = s.period ORDER BY p.revision DESC LIMIT 1
    ) last ON true
    WHERE last.spent_nano_usd IS DISTINCT FROM s.spent
  )
  SELECT json_agg(json_build_array(w.subject, w.period, w.stripe))::text INTO v_closed FROM closed w;
  RETURN v_closed;
END $$;
COMMENT ON FUNCTION spendgate.close_periods IS
  'Writes the sums of ended periods to closed_periods. Returns the closed counters as JSON: [subject, period, stripe]';

CREATE FUNCTION spendgate.create_partition(p_month date, p_move boolean) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_name CONSTANT text := 'spend_events_' || to_char(p_month, 'YYYY_MM');
  v_from CONSTANT timestamptz := date_trunc('month', p_month)::timestamp AT TIME ZONE 'UTC';
  v_to CONSTANT timestamptz := (date_trunc('month', p_month) + interval '1 month')::timestamp AT TIME ZONE 'UTC';
BEGIN
  PERFORM pg_advisory_xact_lock(1397770068, 2);
  IF to_regclass('spendgate.' || v_name) IS NOT NULL THEN
    RETURN NULL;
  END IF;
  IF EXISTS (SELECT FROM spendgate.spend_events_default d WHERE d.started_at >= v_from AND d.started_at < v_to)
     AND NOT p_move THEN
    RETURN NULL;
  END IF;
  -- Made apart and attached: PARTITION OF would lock the whole ledger.
  EXECUTE format('CREATE TABLE spendgate.%I (LIKE spendgate.spend_events INCLUDING ALL)', v_name);
  IF p_move THEN
    EXECUTE format(
      'WITH moved AS (DELETE FROM spendgate.spend_events_default d WHERE d.started_at >= %L AND d.started_at < %L RETURNING d.*)
       INSERT INTO spendgate.%I SELECT * FROM moved', v_from, v_to, v_name);
  END IF;
  EXECUTE format('ALTER TABLE spendgate.spend_events ATTACH PARTITION spendgate.%I FOR VALUES FROM (%L) TO (%L)',
    v_name, v_from, v_to);
  RETURN v_name;
END $$;
COMMENT ON FUNCTION spendgate.create_partition IS
  'Makes a month''s partition and returns its name; null when it exists, or when the default partition holds rows '
  'of that month that may not be moved now (moving needs the exclusive lock, which the caller takes before)';

SELECT spendgate.create_partition((date_trunc('month', now() AT TIME ZONE 'UTC') + n * interval '1 month')::date, false)
FROM generate_series(-1, 3) AS n;
