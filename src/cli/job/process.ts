// What running another program has in common: its exit code, and the end of what it says.
import { constants } from "node:os"

/** As a shell has it. */
export const exitOfSignal = (signal: NodeJS.Signals | null): number =>
  128 + (signal === null ? 0 : constants.signals[signal])

/** Far more than anybody reads in a mail. */
const most = 65_536

/** The end of an output that may be endless. */
export class Tail {
  #parts: Buffer[] = []
  #size = 0

  add(part: Buffer): void {
    this.#parts.push(part)
    this.#size += part.length
    if (this.#size < 2 * most) return
    const kept = Buffer.concat(this.#parts).subarray(-most)
    this.#parts = [kept]
    this.#size = kept.length
  }

  text(): string {
    return Buffer.concat(this.#parts).subarray(-most).toString("utf8")
  }
}

/** The beginning of an output that may be endless. */
export class Head {
  #kept = Buffer.alloc(0)

  add(part: Buffer): void {
    if (this.#kept.length < most) this.#kept = Buffer.concat([this.#kept, part]).subarray(0, most)
  }

  text(): string {
    return this.#kept.toString("utf8")
  }
}
