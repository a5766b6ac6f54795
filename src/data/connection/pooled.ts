// Sessions that are reached through a pooler, which may be used by others in between.
import type { ClientBase } from "pg"

const pooled = new WeakSet<ClientBase>()

export const markPooled = (client: ClientBase): void => {
  pooled.add(client)
}

/** Nothing may be left in such a session: it is not kept, and no statement is. */
export const isPooled = (client: ClientBase): boolean => pooled.has(client)
