// A subject in two organizations, with all kinds of columns, among others; a key; and what is asked of the log about it.
import type { Pseudonymized, PseudonymizeOptions } from "../../src/data/index.js"
import { readIdentifiers } from "../../src/data/subject/identifiers.js"
import { type KeyLog, keyLogs } from "./subject-key-fixture.js"

export const subject = {
  id: "Ü-4711%",
  email: "Jürgen.O'Neil@Example.org",
  name: 'Jürgen "J" O\'Neil',
} as const

/** As they could stand in any column, table or message. */
export const values: readonly string[] = [subject.id, subject.email.toLowerCase(), subject.name.toLowerCase()]

export interface PseudonymLog extends KeyLog {
  pseudonymize(
    strategy: "hash" | "token" | "encrypt",
    options?: Partial<PseudonymizeOptions>,
  ): Promise<Pseudonymized>
}

const withSubject = (log: KeyLog): PseudonymLog => ({
  ...log,
  pseudonymize: (strategy, options = {}) =>
    log.trail.pseudonymize(readIdentifiers(subject.id, [`email=${subject.email}`, `name=${subject.name}`]), {
      strategy,
      reason: "R-12",
      requestedBy: "dpo",
      keys: log.keys("k1"),
      ...options,
    }),
})

/** With the key k1, in a file; and what `also` does to every log that is made. */
export function pseudonymLogs(
  also: (log: PseudonymLog) => Promise<unknown> = async () => {},
): () => PseudonymLog {
  const log = keyLogs(async (made) => {
    const { db, trail, folder } = made
    await db.query(
      `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_name, actor_email, ip_address, resource_type,
         resource_id, details)
       select o, timestamptz '2026-01-15Z' + i * interval '10 days', 'auth.login', $1, $2, $3, '10.1.2.3', 'doc', i::text,
         jsonb_build_object('n', i, 'who', $1::text)
       from unnest(array['acme', 'globex']) o, generate_series(1, 3) i`,
      [subject.id, subject.name, subject.email],
    )
    await db.query(
      `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id)
       values ('acme', '2026-02-01Z', 'auth.login', 'u-4712'), ('third', '2026-02-01Z', 'auth.login', 'u-4712')`,
    )
    await trail.addPrivacyKey({ out: `${folder}/k1` })
    await also(withSubject(made))
  })
  return () => withSubject(log())
}
