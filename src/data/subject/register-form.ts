// The lines of a register of erasures: what each must have, or the whole is refused.
import {
  count,
  flag,
  hash,
  list,
  matches,
  object,
  oneOf,
  orMissing,
  orNull,
  text,
  uuid,
} from "../manifest-form.js"
import { type Beginning, pseudonymSchema, registerSchema } from "./register.js"

const begun = {
  line: oneOf("begin"),
  id: uuid,
  log_id: uuid,
  time: text,
  request: orNull(text),
  act: count,
  act_hash: hash,
  holds: orMissing(list(object({ act: count, hash }))),
}
const pseudonym = matches(/^p1:[hte]:[a-z0-9-]{1,32}:[A-Za-z0-9_-]{16,2000}$/)
export const isErasure = object({
  ...begun,
  schema: oneOf(registerSchema),
  strategy: oneOf("erase"),
  pseudonyms: orMissing(list(pseudonym)),
})
export const isPseudonymization = object({
  ...begun,
  schema: oneOf(pseudonymSchema),
  strategy: oneOf("hash", "token", "encrypt"),
  key: matches(/^[a-z0-9-]{1,32}$/),
  subject: (value) => list(hash)(value) && (value as unknown[]).length > 0,
  joined: flag,
})
export const isPlaces = object({
  line: oneOf("places"),
  id: uuid,
  organization: text,
  lane: count,
  identity: list(text),
  content: list(text),
  token: orNull(pseudonym),
  seq: matches(/^\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*$/),
})
export const isWritten = object({ line: oneOf("written"), id: uuid, events: count, sha256: hash })
export const isEnding = object({ line: oneOf("done", "void"), id: uuid })

/** No erasure brings a pseudonym of somebody, and each pseudonymization those of its strategy and key alone. */
export const isOwnToken = ({ strategy, key }: Beginning, token: string | null): boolean =>
  strategy === "erase"
    ? token === null || token.startsWith("p1:t:none:")
    : token?.startsWith(`p1:${strategy[0]}:${key}:`) === true
