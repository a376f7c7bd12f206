import type { MigrationDb } from '../src/platform/postgres/migration.ts';

/**
 * The log. Only `append_batch` inserts events: under one lock, with positions from one counter row, so that positions are
 * contiguous and become visible in order. Data are `json`, not `jsonb`, so that they are read exactly as they were appended.
 */
export async function up(db: MigrationDb): Promise<void> {
  await db.raw(`
    CREATE TABLE store_head (
      only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      epoch    uuid NOT NULL DEFAULT gen_random_uuid(),
      position bigint NOT NULL DEFAULT 0
    );
    INSERT INTO store_head DEFAULT VALUES;

    CREATE TABLE events (
      position    bigint PRIMARY KEY,
      stream      text COLLATE "C" NOT NULL,
      revision    bigint NOT NULL,
      id          uuid NOT NULL UNIQUE,
      type        text NOT NULL,
      data        json NOT NULL,
      metadata    json NOT NULL,
      recorded_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (stream, revision)
    );

    CREATE TABLE snapshots (
      stream          text COLLATE "C" PRIMARY KEY,
      decider_version int NOT NULL,
      revision        bigint NOT NULL,
      epoch           uuid NOT NULL,
      state           json NOT NULL,
      updated_at      timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE subject_keys (
      subject     text PRIMARY KEY,
      wrapped_key bytea NOT NULL,
      created_at  timestamptz NOT NULL DEFAULT now()
    );
  `);
  await db.raw(APPEND_BATCH);
}

/**
 * Appends many items (each: one stream, one expected revision, some events) and returns a result for each; a conflict is
 * a result, never an exception. Events come in flat arrays; `event_item` names the item of each event. An item is "plain"
 * when it is alone on its stream and at the right revision, as most are. All plain items are inserted by one statement, in
 * order; their results follow from `base`, the log's position before the batch. The others are tried one by one, so that
 * each sees the earlier ones; their results are in `others` as [item, outcome, position, revision]. An event id that exists
 * in another stream raises a unique violation.
 */
const APPEND_BATCH = `
  CREATE FUNCTION append_batch(
    streams text[], expected bigint[],
    event_item int[], event_revision bigint[], ids uuid[], types text[], data json[], metadata json[],
    OUT base bigint, OUT others jsonb
  ) LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan SET jit = off
  AS $$
  #variable_conflict use_variable
  DECLARE
    plain boolean[];
    head bigint;
    added bigint;
    known record;
    actual bigint;
  BEGIN
    PERFORM pg_advisory_xact_lock(7216031905432817);
    SELECT h.position INTO base FROM store_head h WHERE h.only_row;
    head := base;

    SELECT array_agg(i.expected = COALESCE(l.revision, -1) AND i.sharing = 1 ORDER BY i.item) INTO plain
    FROM (
      SELECT u.stream, u.expected, u.item, count(*) OVER (PARTITION BY u.stream COLLATE "C") AS sharing
      FROM unnest(streams, expected) WITH ORDINALITY AS u(stream, expected, item)
    ) i
    LEFT JOIN LATERAL (
      SELECT e.revision FROM events e WHERE e.stream = i.stream ORDER BY e.revision DESC LIMIT 1
    ) l ON true;

    BEGIN
      INSERT INTO events (position, stream, revision, id, type, data, metadata)
      SELECT base + row_number() OVER (ORDER BY n.ordinal), streams[n.item], n.revision, n.id, n.type, n.data, n.metadata
      FROM unnest(event_item, event_revision, ids, types, data, metadata)
        WITH ORDINALITY AS n(item, revision, id, type, data, metadata, ordinal)
      WHERE plain[n.item];
      GET DIAGNOSTICS added = ROW_COUNT;
      head := head + added;
    EXCEPTION WHEN unique_violation THEN
      plain := array_fill(false, ARRAY[cardinality(streams)]);
    END;

    FOR item IN 1 .. cardinality(streams) LOOP
      CONTINUE WHEN plain[item];
      others := COALESCE(others, '[]');

      SELECT count(*) AS wanted, count(e.id) AS found, max(e.position) AS position, max(e.revision) AS revision
      INTO known
      FROM unnest(event_item, ids) AS n(item, id)
      LEFT JOIN events e ON e.id = n.id AND e.stream = streams[item]
      WHERE n.item = item;
      IF known.found = known.wanted THEN
        others := others || jsonb_build_array(jsonb_build_array(item, 'repeated', known.position::text, known.revision::text));
        CONTINUE;
      END IF;

      SELECT max(e.revision) INTO actual FROM events e WHERE e.stream = streams[item];
      actual := COALESCE(actual, -1);
      IF actual <> expected[item] THEN
        others := others || jsonb_build_array(jsonb_build_array(item, 'conflict', NULL, actual::text));
        CONTINUE;
      END IF;

      INSERT INTO events (position, stream, revision, id, type, data, metadata)
      SELECT head + row_number() OVER (ORDER BY n.ordinal), streams[item], n.revision, n.id, n.type, n.data, n.metadata
      FROM unnest(event_item, event_revision, ids, types, data, metadata)
        WITH ORDINALITY AS n(item, revision, id, type, data, metadata, ordinal)
      WHERE n.item = item;
      head := head + known.wanted;
      others := others || jsonb_build_array(
        jsonb_build_array(item, 'appended', head::text, (actual + known.wanted)::text));
    END LOOP;

    IF head > base THEN
      UPDATE store_head h SET position = head WHERE h.only_row;
      PERFORM pg_notify('cartulary_log', head::text);
    END IF;
  END
  $$;
`;

export async function down(db: MigrationDb): Promise<void> {
  await db.raw(`
    DROP FUNCTION append_batch;
    DROP TABLE subject_keys, snapshots, events, store_head;
  `);
}
