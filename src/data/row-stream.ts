// The rows of a statement, some at a time. Where the connection is lost, pg-query-stream alone waits for ever for the server's last word.
import type { ClientBase, Connection } from "pg"
import QueryStream from "pg-query-stream"

/** What node-postgres has and its types do not tell. */
type Session = Connection & { readonly stream: { readonly destroyed: boolean } }

class RowStream extends QueryStream {
  override _destroy(error: Error, done: (error?: Error | null) => void): void {
    const session = (this.cursor as { readonly connection: Session | null }).connection
    if (session === null) {
      super._destroy(error, done)
      return
    }
    let isDone = false
    const once = (why?: Error | null): void => {
      if (isDone) return
      isDone = true
      session.removeListener("end", lost)
      done(why ?? error)
    }
    const lost = (): void => once(error)
    if (session.stream.destroyed) lost()
    else session.once("end", lost)
    super._destroy(error, once)
  }
}

/** Nothing else can be asked on this connection before the last of them was read, or the reader has left. */
export const streamRows = <T>(
  client: ClientBase,
  text: string,
  values: readonly unknown[],
  batchSize: number,
): AsyncIterable<T> =>
  client.query(new RowStream(text, [...values], { batchSize })) as unknown as AsyncIterable<T>
