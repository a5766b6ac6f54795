// What the commands of profiles say to people: objects, what to run instead of what, and what comes next.
import type {
  ProfileState,
  RemovedProfile,
  Replacement,
  RevokedProfile,
  ShownProfile,
} from "../data/profile/index.js"
import type { InstalledProfile } from "../data/profile/install.js"
import { profileNamed } from "../data/profile/profiles.js"
import { judge, stateInWords } from "./profile-state.js"

interface Named {
  readonly kind: string
  readonly name: string
  readonly state: string
  readonly differs?: readonly string[]
}

/** Of a system that knows organizations each row names its own; of any other the views have the events of one. */
function ofOrganization(profile: string, organization: string | null): string {
  const isBound = profileNamed(profile).views.some((view) => !view.hasOrganization)
  return isBound && organization !== null ? `, for organization ${organization}` : ""
}

export function describeInstall(result: InstalledProfile): string {
  const { profile, schema, organization, act, objects, dry_run: dryRun } = result
  const head = `${dryRun ? "would install" : "installed"} the profile ${profile} in schema ${schema}${ofOrganization(profile, organization)}`
  return paragraphs([
    [
      head,
      ...objectLines(objects),
      ...(dryRun ? [] : [act === null ? "no act: it is recorded already" : `act ${act}`]),
    ],
    replacementLines(result.replacements),
    noteLines(result.notes),
    nextLines(result.next),
  ])
}

/** As an answer's `schema` says its shape, the schema of the database is `schema_name`. */
export function document<T extends { readonly schema: string }>(
  shape: string,
  { schema, ...rest }: T,
): object {
  return { schema: shape, schema_name: schema, ...rest }
}

export function describeShown(
  summary: string,
  installed: readonly ProfileState[],
  { replacements, notes, next }: Pick<ShownProfile, "replacements" | "notes" | "next">,
  /** Said where it is installed nowhere. */
  nowhere: string,
): string {
  const places = installed.map(({ name, schema, organization, objects, writers, readers }) => [
    `installed in schema ${schema}${ofOrganization(name, organization)}: ${judge(objects)}`,
    ...(writers.length === 0 ? [] : [`  writers: ${writers.join(", ")}`]),
    ...(readers.length === 0 ? [] : [`  readers: ${readers.join(", ")}`]),
    ...objectLines(objects),
  ])
  return paragraphs([
    [summary],
    ...(places.length === 0 ? [[nowhere]] : places),
    replacementLines(replacements),
    noteLines(notes),
    nextLines(next),
  ])
}

export function describeRemoval({
  profile,
  schema,
  dropped,
  kept,
  left,
  again,
  act,
  dry_run: dryRun,
}: RemovedProfile): string {
  return [
    `${dryRun ? "would remove" : "removed"} the profile ${profile} from schema ${schema}; its events stay in the log`,
    ...dropped.map((name) => `  ${dryRun ? "would drop" : "dropped"}  ${name}`),
    ...kept.map((name) => `  ${dryRun ? "would keep" : "kept"}  ${name}, with its rows`),
    ...(dropped.length + kept.length === 0 ? ["  nothing of it was there any more"] : []),
    ...(act === null ? [] : [`act ${act}`]),
    ...(left.length === 0 ? [] : ["what it leaves:", ...left.map((line) => `  ${line}`)]),
    `to install it again: ${again}`,
  ].join("\n")
}

export function describeRevocation({
  profile,
  schema,
  writers,
  readers,
  left,
  act,
  dry_run: dryRun,
}: RevokedProfile): string {
  const roles = (as: string, some: readonly string[]) =>
    some.map((role) => `  ${dryRun ? "would take out" : "took out"}  ${role}, a ${as}`)
  return [
    `${dryRun ? "would change" : "changed"} who uses the profile ${profile} in schema ${schema}`,
    ...roles("writer", writers),
    ...roles("reader", readers),
    ...(act === null ? [] : [`act ${act}`]),
    ...(left.length === 0 ? [] : ["what they keep:", ...left.map((line) => `  ${line}`)]),
  ].join("\n")
}

function objectLines(objects: readonly Named[]): string[] {
  const width = Math.max(0, ...objects.map(({ name }) => name.length))
  return objects.map(
    (object) => `  ${object.kind.padEnd(8)}  ${object.name.padEnd(width)}  ${stateInWords(object)}`,
  )
}

/** A statement is copied from a terminal, and must stand alone in its line. */
function replacementLines(replacements: readonly Replacement[]): string[] {
  if (replacements.length === 0) return []
  return [
    "what a view cannot answer, and what to run instead:",
    ...replacements.flatMap(({ instead, run, why }) => [
      `  not  ${inOneLine(instead)}`,
      ...run.split("\n").map((line, place) => `  ${place === 0 ? "but" : "and"}  ${line}`),
      `       ${why}`,
    ]),
  ]
}

function noteLines(notes: readonly string[]): string[] {
  return notes.length === 0 ? [] : ["what to know:", ...notes.map((note) => `  ${note}`)]
}

function nextLines(next: readonly string[]): string[] {
  return next.length === 0 ? [] : ["next:", ...next.map((line) => `  ${line}`)]
}

const inOneLine = (statement: string): string => statement.replace(/\s*\n\s*/g, " ").trim()

const paragraphs = (parts: readonly (readonly string[])[]): string =>
  parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")
