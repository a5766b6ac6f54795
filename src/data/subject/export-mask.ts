// What of an event its subject is given: what others did, and who they are, is masked, and text that nobody has looked at is withheld
// (Article 15(4)). Bytes, as COPY wrote them: only what has to be judged is made text.

import type { EventColumn } from "../event-columns.js"
import { csvField } from "../export/csv.js"
import { marker } from "../redaction/replaced.js"
import { documents, identity, searches } from "./export-columns.js"
import { DocumentMask } from "./export-document.js"
import { FieldBuffer, fieldText, flags, isSame } from "./export-field.js"
import { type JsonPath, replaceValues, textOf } from "./export-json.js"
import { OtherNames, otherPerson } from "./export-others.js"
import { OwnNames } from "./export-own.js"
import { pathsOf, type SubjectRules } from "./export-rules.js"
import { type Arrays, type Setting, type Step, ValueMask } from "./export-values.js"
import { type Identifier, isPseudonym } from "./identifiers.js"
import { type ActorSum, ActorSums } from "./shared-address.js"

export interface MaskOptions {
  readonly identifiers: readonly Identifier[]
  readonly rules: SubjectRules
  /** Text that may name others is given out as it is, but for what is masked of them elsewhere in the event. */
  readonly includeText: boolean
}

export interface MaskCounts {
  asActor: number
  asSubject: number
  /** Found by text alone. */
  mentioned: number
  /** Events in which something of others was masked. */
  masked: number
  /** Events and values that have text for a human. */
  reviewEvents: number
  reviewValues: number
  /** Events that he did with an e-mail address, or a name, that was not given: what else it leads to was not looked for. */
  ungivenEmail: number
  ungivenName: number
}

/** A column, and where in `changed` its field stands now. */
export interface Change {
  readonly at: number
  readonly start: number
  readonly end: number
}

/** What the columns of the actor say, where he is found by them. */
interface Actor {
  /** The fields, as COPY wrote them. */
  readonly fields: Buffer
  readonly isHis: boolean
  readonly isUngivenEmail: boolean
  readonly isUngivenName: boolean
  readonly sum: ActorSum | undefined
}

const nobody: Actor = {
  fields: Buffer.alloc(0),
  isHis: false,
  isUngivenEmail: false,
  isUngivenName: false,
  sum: undefined,
}
const nothing: ReadonlySet<EventColumn> = new Set()
const letterT = 0x74

export class SubjectMask {
  readonly counts: MaskCounts = {
    asActor: 0,
    asSubject: 0,
    mentioned: 0,
    masked: 0,
    reviewEvents: 0,
    reviewValues: 0,
    ungivenEmail: 0,
    ungivenName: 0,
  }
  /** Who did what is given as his: whether an address is his alone. */
  readonly actors: ActorSums
  /** Of the event that was judged last, in the order of the columns. */
  changes: Change[] = []
  /** The fields of these changes, as COPY would write them. */
  readonly changed = new FieldBuffer()
  /** Columns of it that have text for a human. */
  review: EventColumn[] = []
  /** What the subject is in it. */
  foundAs = ""
  readonly #options: MaskOptions
  readonly #at: ReadonlyMap<string, number>
  readonly #own: OwnNames
  readonly #others: OtherNames
  readonly #values: ValueMask
  readonly #documents: DocumentMask
  /** Of the event before, whose actor mostly is the next one's too. */
  #actor: Actor = nobody
  readonly #steps: readonly Step[]
  readonly #ownSteps: readonly Step[]
  readonly #pathsOf: (eventType: string) => ReadonlyMap<string, readonly JsonPath[]>

  /** `columns`: as they are read, behind as_actor, as_subject and mentioned. */
  constructor(columns: readonly EventColumn[], arrays: Arrays, options: MaskOptions) {
    this.#options = options
    this.#at = new Map(columns.map((column, at) => [column, at]))
    this.#own = new OwnNames(options.identifiers, options.rules.resources)
    this.#others = new OtherNames(this.#own)
    this.#values = new ValueMask(this.#own, this.#others, { arrays, includeText: options.includeText })
    this.#documents = new DocumentMask(this.#own, options.includeText)
    this.actors = new ActorSums(options.identifiers)
    this.#steps = columns.flatMap((column, at) => {
      const search = searches[column]
      return search === undefined ? [] : [{ column, at, search }]
    })
    this.#ownSteps = this.#steps.filter(({ search }) => search === "text" || search === "document")
    this.#pathsOf = pathsOf(options.rules)
  }

  /** `ends`: where each field ends, of the three flags first. */
  judge(bytes: Buffer, start: number, ends: Int32Array): void {
    const field = (column: EventColumn): string | null => {
      const at = (this.#at.get(column) ?? 0) + flags
      return fieldText(bytes, at === 0 ? start : (ends[at - 1] ?? 0) + 1, ends[at] ?? 0)
    }
    const { rules } = this.#options
    const isNamed = bytes[start] === letterT
    const isFoundAsSubject = bytes[(ends[0] ?? 0) + 1] === letterT
    const actor = isNamed ? this.#actorOf(bytes, ends, field) : nobody
    const isActor = actor.isHis
    if (actor.isUngivenEmail) this.counts.ungivenEmail += 1
    if (actor.isUngivenName) this.counts.ungivenName += 1
    if (actor.sum !== undefined) actor.sum.events += 1
    const type = this.#own.types.size === 0 ? null : field("resource_type")
    const resource = type === null || !this.#own.types.has(type) ? null : field("resource_id")
    const isResource = resource !== null && this.#own.isResource(type ?? "", resource)
    const eventType = rules.paths.length === 0 ? "" : (field("event_type") ?? "")
    // A value at a ruled path is his where the event is about him: whoever acts may write down somebody else's. What pgtrail wrote down
    // as right is about whom the event is found for, whoever entered it.
    const isOwn = isResource || (isFoundAsSubject && eventType === "gdpr.rectified")
    const isMixed = !isActor || (resource !== null && !isOwn)
    const isOthers = resource !== null && !isResource && rules.resources.has(type ?? "")
    const paths = rules.paths.length === 0 ? undefined : this.#pathsOf(eventType)
    const hidden = this.#hidden(field, { isActor, isOthers })
    if (!isOwn && paths !== undefined) this.#addRuled(field, paths)
    const setting: Setting = { isOwn, isMixed, paths, masked: hidden.size > 0, waits: 0 }
    // Then a string that waits for a human is all that a document may have.
    const isAlone = !setting.isMixed && this.#others.isEmpty
    const { changed } = this
    changed.used = 0
    this.changes = []
    this.review = []
    for (const step of setting.isMixed ? this.#steps : this.#ownSteps) {
      const { column, at } = step
      const [from, to] = [(ends[at + flags - 1] ?? 0) + 1, ends[at + flags] ?? 0]
      if (from === to) continue
      const before = changed.used
      if (isAlone && step.search === "document" && paths?.has(column) !== true) {
        this.#documents.withhold(bytes, from, to, changed)
        setting.waits = this.#documents.waits
      } else {
        const value = fieldText(bytes, from, to) ?? ""
        setting.waits = 0
        const isHis = column === "resource_name" && isResource
        const now = hidden.has(column)
          ? otherPerson
          : this.#values.judged(value, isHis ? { ...step, search: "searched" } : step, setting)
        if (now !== value) changed.text(csvField(now))
      }
      if (changed.used > before) this.changes.push({ at, start: before, end: changed.used })
      if (setting.waits === 0) continue
      this.review.push(column)
      this.counts.reviewValues += setting.waits
    }
    this.#count({ isActor: isNamed, isSubject: isFoundAsSubject, masked: setting.masked })
  }

  #actorOf(bytes: Buffer, ends: Int32Array, field: (column: EventColumn) => string | null): Actor {
    // Beside one another: actor_id, actor_name, actor_email.
    const first = (this.#at.get("actor_id") ?? 0) + flags
    const [from, to] = [(ends[first - 1] ?? 0) + 1, ends[first + 2] ?? 0]
    if (!isSame(this.#actor.fields, bytes, from, to)) {
      const email = field("actor_email")
      const isHis = this.#own.isActor(field("actor_id"), email)
      this.#actor = {
        fields: Buffer.from(bytes.subarray(from, to)),
        isHis,
        isUngivenEmail: isHis && this.#isUngiven(email),
        isUngivenName: isHis && this.#isUngiven(field("actor_name")),
        sum: isHis ? this.actors.of(field("actor_id"), email) : undefined,
      }
    }
    return this.#actor
  }

  #isUngiven(value: string | null): boolean {
    return value !== null && !isPseudonym(value) && !this.#own.isHarmless(value)
  }

  /** Columns that are another's as a whole; what is in them is looked for in the others. */
  #hidden(
    field: (column: EventColumn) => string | null,
    { isActor, isOthers }: { isActor: boolean; isOthers: boolean },
  ): ReadonlySet<EventColumn> {
    this.#others.clear()
    if (isActor && !isOthers) return nothing
    const hidden = new Set<EventColumn>()
    const hide = (column: EventColumn): void => {
      const value = field(column)
      if (value === null || value === marker) return
      hidden.add(column)
      this.#others.add(value)
    }
    if (!isActor) {
      for (const [column, kind] of identity) {
        if (kind === undefined || !this.#own.has(kind, field(column))) hide(column)
      }
    }
    if (isOthers) {
      hide("resource_id")
      hide("resource_name")
    }
    return hidden
  }

  #addRuled(
    field: (column: EventColumn) => string | null,
    paths: ReadonlyMap<string, readonly JsonPath[]>,
  ): void {
    for (const column of documents) {
      const ruled = paths.get(column)
      const document = ruled === undefined ? null : field(column)
      if (ruled === undefined || document === null) continue
      replaceValues(document, ruled, (raw, isRuled) => {
        if (isRuled && /^["\d-]/.test(raw)) this.#others.add(textOf(raw))
        return undefined
      })
    }
  }

  #count({ isActor, isSubject, masked }: { isActor: boolean; isSubject: boolean; masked: boolean }): void {
    const { counts } = this
    this.foundAs = isActor ? (isSubject ? "actor subject" : "actor") : isSubject ? "subject" : "mentioned"
    if (isActor) counts.asActor += 1
    if (isSubject) counts.asSubject += 1
    if (!isActor && !isSubject) counts.mentioned += 1
    if (masked) counts.masked += 1
    if (this.review.length > 0) counts.reviewEvents += 1
  }
}
