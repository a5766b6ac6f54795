// A log of which some was purged: a whole organization, the beginning of a lane, and ranges of places as retention will purge them.
import { type AnchoredLog, anchoredLog } from "./anchors-fixture.js"

export interface PurgedLog extends AnchoredLog {
  /** Files of checkpoints: of the log before anything was purged, and after. */
  readonly before: string
  readonly after: string
}

/**
 * initech/0 is purged whole, acme/0 up to 25, globex/0 at 5 to 9, 20, and 59 to 60, which is its head. All events as they were stand in
 * public.event_before. public.purge_ranges purges any ranges as superuser, with a record and an act that fit, or hashes that were forged.
 */
export async function purgedLog(): Promise<PurgedLog> {
  const log = await anchoredLog()
  await log.db.query(`create function public.purge_ranges(organization text, of_lane int, places int8multirange, forged bytea default null)
    returns bigint language plpgsql as $$
    declare
      made pgtrail.purge;
    begin
      made.organization_id := organization;
      made.lane := of_lane;
      made.ranges := places;
      select count(*), min(e.occurred_at), max(e.occurred_at), min(e.recorded_at), max(e.recorded_at)
      into made.events, made.oldest_occurred_at, made.newest_occurred_at, made.oldest_recorded_at, made.newest_recorded_at
      from pgtrail.event e where e.organization_id = organization and e.lane = of_lane and places @> e.seq;
      select string_agg(b.previous_hash || l.hash, ''::bytea order by b.seq) into made.hashes
      from unnest(places) r
      left join pgtrail.event b on b.organization_id = organization and b.lane = of_lane and b.seq = lower(r)
      left join pgtrail.event l on l.organization_id = organization and l.lane = of_lane and l.seq = upper(r) - 1;
      made.hashes := coalesce(forged, made.hashes, '');
      made.events := coalesce(nullif(made.events, 0), 999);
      made.act_seq := pgtrail.record_act('purge', jsonb_build_object('organization', organization, 'lanes', 1, 'events', made.events,
        'reason', 'test'), sha256(record_send(row('pgtrail purge'::text, made.organization_id, made.lane, made.ranges::text, made.hashes,
        made.events, coalesce(made.oldest_occurred_at, now()), coalesce(made.newest_occurred_at, now()),
        coalesce(made.oldest_recorded_at, now()), coalesce(made.newest_recorded_at, now())))));
      insert into pgtrail.purge values (made.act_seq, made.organization_id, made.lane, made.ranges, made.hashes, made.events,
        coalesce(made.oldest_occurred_at, now()), coalesce(made.newest_occurred_at, now()), coalesce(made.oldest_recorded_at, now()),
        coalesce(made.newest_recorded_at, now()));
      delete from pgtrail.event e where e.organization_id = organization and e.lane = of_lane and places @> e.seq;
      return made.act_seq;
    end $$`)
  await log.db.query("create table public.event_before as select * from pgtrail.event")
  await log.trail.verify({ jobs: 1 })
  const before = await log.checkpoint("before.checkpoint")
  await log.trail.purgeOrganization("initech", { reason: "test", confirm: "initech", batchSize: 25 })
  await log.trail.purgeOrganization("acme", { reason: "test", confirm: "acme", maxRows: 25 })
  await log.db.query("select public.purge_ranges('globex', 0, '{[5,10),[20,21),[59,61)}')")
  const after = await log.checkpoint("after.checkpoint")
  await log.keep()
  return { ...log, before, after }
}
