// A table that stands where a profile would make its own: how it is kept under another name, and what becomes of its rows.
import type { Profile } from "./shape.js"

const sequenceOf = (profile: Profile, table: string): string | undefined =>
  profile.views.find((view) => view.name === table)?.sequence

/** SQL that takes the name from it. */
export function renamed(profile: Profile, schema: string, table: string): string {
  const sequence = sequenceOf(profile, table)
  return [
    `alter table ${word(schema)}.${table} rename to ${table}_before`,
    ...(sequence === undefined
      ? []
      : [`alter sequence if exists ${word(schema)}.${sequence} rename to ${table}_before_id_seq`]),
  ].join("; ")
}

/** What to do with its rows once the profile is there. Ids that the profile counts itself go on where those end. */
export function filled(profile: Profile, schema: string, table: string): string {
  const name = `${word(schema)}.${table}`
  const companion = profile.companions.find((one) => one.name === table)
  if (companion !== undefined && companion.rights?.includes("update") !== true) {
    return `which has ${table} out of what pgtrail records or counts itself: its rows stay in ${table}_before`
  }
  const sequence = sequenceOf(profile, table)
  const counter =
    sequence !== undefined
      ? `'${word(schema)}.${sequence}'`
      : companion?.isCounted === true
        ? `pg_get_serial_sequence('${name}', 'id')`
        : undefined
  return [
    `then bring its rows in: insert into ${name} select * from ${name}_before`,
    ...(counter === undefined ? [] : [`select setval(${counter}, (select max(id) from ${name}))`]),
  ].join("; ")
}

/** As a person writes it, quoted where it must be. */
const word = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
