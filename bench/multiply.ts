// Makes a large log of a small one: the same events several times over, with ids, requests and places of their own.
import { query, settle, withClient } from "./server.js"

/** A log that only reading is measured on: the copies carry the hashes of the first, so it does not verify. */
export async function multiply(url: string, copies: number): Promise<void> {
  await withClient(url, async (client) => {
    await client.query("set session_replication_role = replica")
    await client.query("set maintenance_work_mem = '1GB'")
    const { rows: indexes } = await client.query<{ name: string; definition: string }>(
      `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
       from pg_index where indrelid = 'pgtrail.event'::regclass and not indisprimary`,
    )
    for (const { name } of indexes) await client.query(`drop index ${name}`)
    const { rows: names } = await client.query<{ name: string }>(
      `select quote_ident(attname) as name from pg_attribute
       where attrelid = 'pgtrail.event'::regclass and attnum > 0 and not attisdropped order by attnum`,
    )
    const others: Readonly<Record<string, string>> = {
      id: "gen_random_uuid()",
      request_id: "request_id || '-' || k",
      occurred_at: "occurred_at + k * interval '1 millisecond'",
      seq: "seq + k * most",
    }
    const { rows: partitions } = await client.query<{ name: string }>(
      "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'pgtrail.event'::regclass order by 1",
    )
    const columns = names.map(({ name }) => name)
    for (const { name } of partitions) {
      // Copy after copy, as if they had come one after the other: a page of an index is not full of one event's copies.
      await client.query(
        `insert into pgtrail.event (${columns.join(", ")})
         select ${columns.map((column) => others[column] ?? column).join(", ")}
         from generate_series(1, $1::int - 1) k, ${name},
           (select max(seq) + 1 as most from pgtrail.chain_head) m
         order by occurred_at + k * interval '1 millisecond'`,
        [copies],
      )
    }
    // Of the parent alone, says PostgreSQL; with those of all partitions it was.
    for (const { definition } of indexes) await client.query(definition.replace(" ON ONLY ", " ON "))
    await client.query(
      `insert into pgtrail.chain_head (organization_id, lane, seq, hash)
       select distinct on (organization_id, lane) organization_id, lane, seq + ($1::int - 1) * most, hash
       from pgtrail.chain_head, (select max(seq) + 1 as most from pgtrail.chain_head) m
       order by organization_id, lane, seq desc`,
      [copies],
    )
  })
  await query(url, "vacuum (freeze, analyze) pgtrail.event")
  await settle(url)
}
