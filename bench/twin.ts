// The baseline: plain.event has the columns, indexes and partitions of pgtrail.event, and no trigger.
import { withClient } from "./server.js"

export async function createTwin(url: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query("create schema plain")
    await client.query(
      "create table plain.event (like pgtrail.event including all) partition by range (occurred_at)",
    )
    const { rows } = await client.query<{ name: string; bounds: string }>(
      `select quote_ident(c.relname) as name, pg_get_expr(c.relpartbound, c.oid) as bounds
       from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = 'pgtrail.event'::regclass`,
    )
    for (const { name, bounds } of rows) {
      await client.query(`create table plain.${name} partition of plain.event ${bounds}`)
    }
    await client.query(mustBeTwins)
  })
}

/** A baseline that lacks an index, or has a trigger, would make the ratios a lie. */
const mustBeTwins = `
  do $$
  begin
    if exists (select from pg_trigger where tgrelid = 'plain.event'::regclass)
      or (select array_agg(indkey::text || (indpred is not null) order by indkey::text) from pg_index
          where indrelid = 'plain.event'::regclass)
        is distinct from
        (select array_agg(indkey::text || (indpred is not null) order by indkey::text) from pg_index
          where indrelid = 'pgtrail.event'::regclass)
    then
      raise exception 'plain.event is not pgtrail.event without its triggers';
    end if;
  end
  $$`
