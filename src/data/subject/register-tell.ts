// What a run tells the register of a transaction that is about to commit, and, when it is over, of how it ended.
import type { Client } from "pg"
import type { Registered, RegisterFile, Told } from "./register.js"

/** Of several attempts the last is the one that commits, if any does. Without a register it tells nothing. */
export class Telling {
  readonly #register: RegisterFile | undefined
  readonly #known: Told
  #begun: { readonly act: string; readonly told: Registered }[] = []

  constructor(register: RegisterFile | undefined, known: Told) {
    this.#register = register
    this.#known = known
  }

  /** Last in the transaction: on the disk when it returns. */
  async tell(client: Client, act: string): Promise<void> {
    if (this.#register === undefined) return
    this.#begun.push({ act, told: await this.#register.begin(client, { ...this.#known, act }) })
  }

  /** `act`: the one that was committed; null: none was; undefined: nobody knows about the last, and its entry stays open. */
  async end(act: string | null | undefined): Promise<Registered | undefined> {
    const begun = this.#begun
    this.#begun = []
    let done: Registered | undefined
    for (const [at, { act: of, told }] of begun.entries()) {
      const isLast = at === begun.length - 1
      if (isLast && act === undefined) continue
      if (isLast && act === of) done = told
      await this.#register?.end(told.id, isLast && act === of ? "done" : "void")
    }
    return done
  }
}
