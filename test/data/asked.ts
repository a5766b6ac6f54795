// What the library asks of the server, caught where node-postgres sends it: the server's own counts may come a second late.
import pg from "pg"
import { vi } from "vitest"

export interface Asked {
  readonly text: string
  readonly values: readonly unknown[]
}

/** The statements about events that `work` asks, with their parameters. */
export async function askedOf(work: () => Promise<unknown>): Promise<Asked[]> {
  const spy = vi.spyOn(pg.Client.prototype, "query")
  try {
    await work()
    return spy.mock.calls.flatMap((call: unknown[]) => {
      const [first, second] = call
      // A string and its parameters, or a statement that reads its rows itself.
      const { text = "", values = [] } = (
        typeof first === "string" ? { text: first, values: second } : first
      ) as Partial<Asked>
      return /\bfrom "?pgtrail"?\."?event"?\b/.test(text) ? [{ text, values: values ?? [] }] : []
    })
  } finally {
    spy.mockRestore()
  }
}
