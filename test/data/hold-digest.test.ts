// The act of a purge says which holds were in force: by a digest that whoever has the acts computes anew.
import { expect, test } from "vitest"
import { heldLogs } from "./hold-fixture.js"
import { until } from "./retention-fixture.js"

const log = heldLogs()

/** Of the acts alone: placed before, not released before, and not over at the time that the act has. */
const replayed = `select encode(sha256(coalesce(string_agg(record_send(row('pgtrail hold in force'::text, h.seq::bigint, h.digest::bytea)), ''::bytea
    order by h.seq), ''::bytea)), 'hex') as holds
  from pgtrail.act p, pgtrail.act h
  where p.seq = $1 and h.kind = 'hold' and h.seq < p.seq
    and coalesce((h.parameters->>'expires')::timestamptz > (p.parameters->>'at')::timestamptz, true)
    and not exists (select from pgtrail.act r where r.kind = 'release' and r.seq < p.seq and r.parameters->'holds' @> to_jsonb(h.seq))`

test.each([
  [
    "of a partition",
    "select seq from pgtrail.purge_partition('event_default', 'r', organization => 'globex')",
  ],
  [
    "of an organization",
    "select seq from pgtrail.purge_events('globex', array[0::smallint], array[1::bigint], array[2::bigint], array[null::bytea], null, 'r')",
  ],
])("a purge %s has the digest of those in force, and of no others", async (_, purge) => {
  const { db, hold } = log()
  await db.query("select pgtrail.set_retention('policy', 'standard', 30, confirmed => true)")
  await hold({ case: "released", organization: "acme" })
  await db.query("select pgtrail.release_hold('released', 'over')")
  await hold({ case: "kept", actor: "u2", organization: "acme" })
  await db.query(
    "select pgtrail.add_hold('over', 'r', 'acme', expires_at => clock_timestamp() + interval '1 second')",
  )
  await hold({ case: "until", type: "authz", expires: "2999-01-01T00:00:00Z", organization: "acme" })
  await until(db, "(select clock_timestamp() > h.expires_at from pgtrail.hold h where h.case_id = 'over')")
  const [act] = await db.query(purge)
  const [recorded] = await db.query("select parameters->>'holds' as holds from pgtrail.act where seq = $1", [
    act?.seq,
  ])
  expect(recorded?.holds).toMatch(/^[0-9a-f]{64}$/)
  expect(await db.query(replayed, [act?.seq])).toEqual([recorded])
  const [two] = await db.query(
    `select encode(sha256(string_agg(record_send(row('pgtrail hold in force'::text, h.act_seq, a.digest)), ''::bytea order by h.act_seq)), 'hex') as holds
     from pgtrail.hold h join pgtrail.act a on a.seq = h.act_seq where h.case_id in ('kept', 'until')`,
  )
  expect(two).toEqual(recorded)
})
