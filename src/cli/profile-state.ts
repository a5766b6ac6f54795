// What the state of a profile is in a few words, and what brings back what was changed.
import type { ObjectState, ProfileState } from "../data/profile/index.js"
import { plural } from "../data/words.js"
import { shellWord } from "./again.js"

const states = ["changed", "missing", "made by another PostgreSQL"] as const

/** In a few words: as installed, or how many objects are not. */
export function judge(objects: readonly Pick<ObjectState, "state">[]): string {
  const parts = states.flatMap((state) => {
    const count = objects.filter((object) => object.state === state).length
    return count === 0 ? [] : [`${plural(count, "object")} ${state}`]
  })
  return parts.length === 0 ? "as installed" : parts.join(", ")
}

/** Of one object, with what of it is another. */
export const stateInWords = ({
  state,
  differs = [],
}: {
  state: string
  differs?: readonly string[]
}): string =>
  differs.length === 0
    ? state
    : `${state}${state === "kept" || state === "replaced" ? ", but" : ":"} ${differs.join(", ")}`

/** The command that makes a profile anew where it is, and grants again what was lost. */
export function again({ name, schema, organization, objects, writers, readers }: ProfileState): string {
  const lost = objects.flatMap(({ differs }) => differs.filter((one) => one.includes(" has lost ")))
  const roles = (flag: string, named: readonly string[]) =>
    named
      .filter((role) => lost.some((one) => one.startsWith(`${role} has lost `)))
      .flatMap((role) => [flag, role])
  const place = [
    ...(organization === null || organization === "default" ? [] : ["--org", organization]),
    ...(schema === null || schema === "public" ? [] : ["--schema", schema]),
    ...roles("--writer", writers),
    ...roles("--reader", readers),
  ]
  return ["pgtrail profile install", name, ...place.map(shellWord)].join(" ")
}

/** A line each: an installation makes views and functions anew, keeps tables, and takes from nobody what others gave him. */
export function cures(state: ProfileState): string[] {
  const granted = state.objects.flatMap(({ name, kind, differs }) =>
    differs.flatMap((one) => {
      const [, rights, role] = / granted to /.test(one) ? (/^(.*) granted to (.*)$/s.exec(one) ?? []) : []
      return rights === undefined || role === undefined ? [] : [{ name, kind, rights, role }]
    }),
  )
  const isKept = state.objects.some(
    ({ kind, differs }) =>
      kind === "table" &&
      differs.some((one) => /^(column|constraint|unique index|options|owner)\b/.test(one)),
  )
  const odd = state.objects.filter(({ state: is }) => is !== "as installed")
  return [
    odd.every(({ state: is }) => is === "made by another PostgreSQL")
      ? `what another PostgreSQL told cannot be compared in this session; to make it anew here: ${again(state)}`
      : `something is not as it was installed; to make it anew: ${again(state)}`,
    ...(isKept
      ? [`a table is kept as it is; how its columns and constraints were made: ${again(state)} --print-sql`]
      : []),
    ...granted.map(
      ({ name, kind, rights, role }) =>
        `not granted by pgtrail; to take it away: revoke ${rights} on ${kind === "view" || kind === "table" ? "" : `${kind} `}${word(state.schema ?? "")}.${word(name)} from ${word(role)}`,
    ),
  ]
}

/** As SQL writes a name. */
const word = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
