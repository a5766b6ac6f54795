// Waits for the first of what streams, so that a command can fail before it has begun to answer.
import { chosen } from "./render/index.js"
import type { Column } from "./report.js"
import type { Session } from "./session.js"

/**
 * Undefined where nothing comes. What is returned has the first one in its place, and must be read: an answer that nobody would print is
 * refused before anything is asked.
 */
export async function peek<T>(
  stream: AsyncIterable<T>,
  columns: readonly Column[],
  { fields }: Pick<Session, "fields">,
): Promise<AsyncIterable<T> | undefined> {
  chosen(columns, fields)
  const iterator = stream[Symbol.asyncIterator]()
  const first = await iterator.next()
  if (first.done === true) return undefined
  return (async function* () {
    try {
      yield first.value
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
        yield next.value
    } finally {
      await iterator.return?.()
    }
  })()
}
