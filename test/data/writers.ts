// Many sessions at once, and the small randomness that their tests need.
import type { Client } from "pg"
import type { TestDatabase } from "../database.js"

/** Runs `work` in `count` sessions at once; ends them all, and fails with the first failure. */
export async function withClients(
  db: TestDatabase,
  count: number,
  work: (client: Client, index: number) => Promise<void>,
): Promise<void> {
  const clients: Client[] = []
  for (let n = 0; n < count; n += 1) clients.push(await db.client())
  try {
    await Promise.all(clients.map(work))
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)))
  }
}

/** An integer from `least` to `most`. */
export function pick(least: number, most: number): number {
  return least + Math.floor(Math.random() * (most - least + 1))
}

export function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)
}

/** The SQLSTATE of an error, or the error as text. */
export function sqlstate(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error)
}
