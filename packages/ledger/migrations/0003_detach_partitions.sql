-- Detaching a month of the ledger. Its rows leave the ledger while the counters keep their sums; opening balances say
-- which part of those sums the detached rows were, so that ledger and counters still compare.

CREATE TABLE spendgate.detached_partitions (
  month date NOT NULL,
  part smallint NOT NULL,
  table_name text NOT NULL UNIQUE,
  charged_rows bigint NOT NULL,
  opening_balances bigint NOT NULL,
  actor text NOT NULL,
  detached_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (month, part)
);
COMMENT ON TABLE spendgate.detached_partitions IS 'Months that left the ledger. Their event ids stay, and so do their closed periods';
COMMENT ON COLUMN spendgate.detached_partitions.month IS 'First day of the month';
COMMENT ON COLUMN spendgate.detached_partitions.part IS '1; one more each time late events had made a partition of the month again';
COMMENT ON COLUMN spendgate.detached_partitions.table_name IS 'What the partition is called since, within this schema; it may be copied elsewhere and dropped';
COMMENT ON COLUMN spendgate.detached_partitions.charged_rows IS 'How many of its rows cost something';
COMMENT ON COLUMN spendgate.detached_partitions.opening_balances IS 'How many adjustments were noted with it';
COMMENT ON COLUMN spendgate.detached_partitions.actor IS 'Who did it';
COMMENT ON COLUMN spendgate.detached_partitions.detached_at IS 'Start of the transaction that detached it';

-- Not logged: what a crash takes from a draft is noticed by its totals, and the draft is made anew.
CREATE UNLOGGED TABLE spendgate.opening_drafts (
  draft uuid NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now(),
  period_end timestamptz,
  amount_nano_usd numeric NOT NULL,
  subject text COLLATE "C" NOT NULL,
  period text COLLATE "C" NOT NULL
);
CREATE INDEX opening_drafts_draft ON spendgate.opening_drafts (draft);
COMMENT ON TABLE spendgate.opening_drafts IS 'Sums of a partition about to be detached, made before the lock is taken; empty otherwise';
COMMENT ON COLUMN spendgate.opening_drafts.draft IS 'The attempt';
COMMENT ON COLUMN spendgate.opening_drafts.made_at IS 'Drafts of attempts that died are removed after a day';
COMMENT ON COLUMN spendgate.opening_drafts.period_end IS 'End of the period; null when it never ends';
COMMENT ON COLUMN spendgate.opening_drafts.amount_nano_usd IS 'Nano-USD; several rows of a subject and period add up';
COMMENT ON COLUMN spendgate.opening_drafts.subject IS 'Subject key, kind:id';
COMMENT ON COLUMN spendgate.opening_drafts.period IS 'Period id, as in counters';

CREATE FUNCTION spendgate.detach_obstacle(p_month date, OUT obstacle text, OUT obstacles bigint)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_name CONSTANT text := 'spend_events_' || to_char(p_month, 'YYYY_MM');
  v_from CONSTANT timestamptz := date_trunc('month', p_month)::timestamp AT TIME ZONE 'UTC';
  v_to CONSTANT timestamptz := (date_trunc('month', p_month) + interval '1 month')::timestamp AT TIME ZONE 'UTC';
BEGIN
  obstacles := 0;
  IF clock_timestamp() < v_to THEN
    obstacle := 'month_not_over';
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass('spendgate.' || v_name)
                 AND inhparent = 'spendgate.spend_events'::regclass) THEN
    obstacle := 'not_attached';
    RETURN;
  END IF;
  -- A period that rows of this month may lie in, that ended, and whose sum is not in closed_periods yet.
  SELECT count(*) INTO obstacles FROM (
    SELECT FROM spendgate.counters c
    WHERE c.closed_at IS NULL AND NOT c.retired AND c.period_end <= now() AND c.period_end > v_from
      AND substring(c.period FROM '^(-?[0-9]+)-')::numeric < extract(epoch FROM v_to) * 1000
    LIMIT 10000) unclosed;
  IF obstacles > 0 THEN
    obstacle := 'periods_not_closed';
    RETURN;
  END IF;
  EXECUTE format('SELECT count(*) FROM (
      SELECT FROM spendgate.%I e WHERE e.unpriced AND NOT EXISTS (
        SELECT FROM spendgate.adjustments a WHERE a.kind = ''pricing'' AND a.event_id = e.id)
      LIMIT 10000) unpriced', v_name) INTO obstacles;
  IF obstacles > 0 THEN
    obstacle := 'events_unpriced';
  END IF;
END $$;
COMMENT ON FUNCTION spendgate.detach_obstacle IS
  'Why a month may not be detached: month_not_over, not_attached, periods_not_closed, events_unpriced (obstacles: how '
  'many, up to 10,000); null when it may';

CREATE FUNCTION spendgate.detach_partition(
  p_month date, p_draft uuid, p_charged_rows bigint, p_draft_total numeric, p_actor text,
  OUT obstacle text, OUT obstacles bigint, OUT table_name text, OUT opening_balances bigint
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_name CONSTANT text := 'spend_events_' || to_char(p_month, 'YYYY_MM');
  v_month CONSTANT date := date_trunc('month', p_month)::date;
  v_from CONSTANT timestamptz := v_month::timestamp AT TIME ZONE 'UTC';
  v_part smallint;
BEGIN
  PERFORM pg_advisory_xact_lock(1397770068, 2);
  SELECT o.obstacle, o.obstacles INTO obstacle, obstacles FROM spendgate.detach_obstacle(p_month) o;
  IF obstacle IS NOT NULL THEN
    RETURN;
  END IF;
  -- Nothing is ever changed or removed in a partition, so an equal number of rows is the same rows.
  EXECUTE format('SELECT count(*) FROM spendgate.%I WHERE cost_nano_usd > 0', v_name) INTO obstacles;
  IF obstacles <> p_charged_rows OR p_draft_total <> (
    SELECT coalesce(sum(d.amount_nano_usd), 0) FROM spendgate.opening_drafts d WHERE d.draft = p_draft
  ) THEN
    DELETE FROM spendgate.opening_drafts d WHERE d.draft = p_draft;
    obstacle := 'draft_outdated';
    RETURN;
  END IF;

  SELECT coalesce(max(p.part), 0) + 1 INTO v_part FROM spendgate.detached_partitions p WHERE p.month = v_month;
  INSERT INTO spendgate.adjustments (id, kind, amount_nano_usd, effective_at, subjects, periods, actor, note)
  SELECT concat('opening_balance:', to_char(v_month, 'YYYY-MM'), CASE WHEN v_part > 1 THEN '.' || v_part END, ':',
                d.period, ':', d.subject),
         'opening_balance', sum(d.amount_nano_usd),
         greatest(v_from, to_timestamp(substring(d.period FROM '^(-?[0-9]+)-')::numeric / 1000)),
         ARRAY[d.subject], ARRAY[d.period], p_actor, 'the ledger''s rows of ' || to_char(v_month, 'YYYY-MM') || ' were detached'
  FROM spendgate.opening_drafts d
  WHERE d.draft = p_draft AND (d.period_end IS NULL OR d.period_end > now())
  GROUP BY d.subject, d.period;
  GET DIAGNOSTICS opening_balances = ROW_COUNT;
  DELETE FROM spendgate.opening_drafts d WHERE d.draft = p_draft;

  table_name := v_name || '_detached_' || v_part;
  EXECUTE format('ALTER TABLE spendgate.spend_events DETACH PARTITION spendgate.%I', v_name);
  EXECUTE format('ALTER TABLE spendgate.%I RENAME TO %I', v_name, table_name);
  EXECUTE format('COMMENT ON TABLE spendgate.%I IS %L', table_name,
    'No part of the ledger any more; its opening balances are in adjustments');
  INSERT INTO spendgate.detached_partitions (month, part, table_name, charged_rows, opening_balances, actor)
  VALUES (v_month, v_part, table_name, p_charged_rows, opening_balances, p_actor);
END $$;
COMMENT ON FUNCTION spendgate.detach_partition IS
  'Detaches a month and notes its opening balances from a draft. The caller holds the exclusive lock on counting, taken '
  'in a statement of its own. Counters stay as they are. obstacle as detach_obstacle, or draft_outdated when rows came '
  'in since the draft was made';
