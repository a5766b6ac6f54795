// What is the subject's own: how he is compared with what an event says of its actor, its resource, and in its text.
import { marker } from "../redaction/replaced.js"
import { type Identifier, resourceOf } from "./identifiers.js"

export class OwnNames {
  /** Types of resources that may be his, or another's. */
  readonly types: ReadonlySet<string>
  /** In text, folded. */
  readonly texts: ReadonlySet<string>
  readonly #ruled: ReadonlySet<string>
  readonly #lengths: ReadonlySet<number>
  readonly #byKind = new Map<string, Set<string>>()
  /** As they are written, and in every case. */
  readonly #cased = new Set<string>()
  readonly #uncased = new Set<string>()

  /** `ruled`: types of resources whose id names a person. */
  constructor(identifiers: readonly Identifier[], ruled: ReadonlySet<string>) {
    this.#ruled = ruled
    const [types, texts] = [new Set(ruled), new Set<string>()]
    for (const { kind, value } of identifiers) {
      const own = this.#byKind.get(kind) ?? new Set()
      this.#byKind.set(kind, own.add(fold(kind, value)))
      const { type, id } = kind === "resource" ? resourceOf(value) : { type: undefined, id: value }
      if (type !== undefined) types.add(type)
      texts.add(fold("text", id))
      const isUncased = kind === "email" || kind === "ip" || kind === "text" || id.includes("@")
      if (isUncased) this.#uncased.add(fold("text", id))
      else this.#cased.add(fold("id", id))
    }
    this.types = types
    this.texts = texts
    this.#lengths = new Set(["", marker, ...texts].map(({ length }) => length))
  }

  has(kind: Identifier["kind"], value: string | null): boolean {
    return value !== null && this.#byKind.get(kind)?.has(fold(kind, value)) === true
  }

  /** Found by an address, a name or a device that others have too: then an id or an e-mail address of another says who it was. */
  isActor(id: string | null, email: string | null): boolean {
    return (id === null && email === null) || this.has("id", id) || this.has("email", email)
  }

  isResource(type: string, id: string): boolean {
    return this.has("resource", `${type}/${id}`) || (this.#ruled.has(type) && this.has("id", id))
  }

  /** Text that is nothing but a name of his, or nothing. */
  isHarmless(value: string): boolean {
    return value === "" || value === marker || this.texts.has(fold("text", value))
  }

  /** What stands by itself at the end of a rule's path: an ID in another case is another person's, as in a column. */
  isHis(value: string): boolean {
    return (
      value === "" ||
      value === marker ||
      this.#cased.has(fold("id", value)) ||
      this.#uncased.has(fold("text", value))
    )
  }

  /** Of ASCII text, which is as long when it is folded: by its length. */
  mayBeHarmless(length: number): boolean {
    return this.#lengths.has(length)
  }
}

/** As the database compares it: both normal forms, and of e-mail addresses and text no case. */
export function fold(kind: string, value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: most text is ASCII, which has one form
  const text = /^[\x00-\x7f]*$/.test(value) ? value : value.normalize("NFC")
  return kind === "email" || kind === "text" || kind === "ip" ? text.toLowerCase() : text
}
