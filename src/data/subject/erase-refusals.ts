// What an erasure is refused for before anything is read: what would be kept for ever, and a confirmation that is missing.
import { open } from "node:fs/promises"
import type { ClientBase } from "pg"
import { fileError } from "../checkpoint/files.js"
import { TrailError } from "../errors.js"
import type { Identifier } from "./identifiers.js"
import { refuseNamed } from "./named.js"

interface Asked {
  readonly reason: string
  readonly requestedBy: string
  readonly request?: string | undefined
  readonly confirm?: string | undefined
}

export function refuseUnfit(
  identifiers: readonly Identifier[],
  { reason, requestedBy, request }: Asked,
): void {
  if (reason.trim() === "" || requestedBy.trim() === "") {
    throw new TrailError("usage", "an erasure takes a reason, and who asked for it", {
      hint: 'nothing was erased; --reason "why" --requested-by WHO',
    })
  }
  refuseNamed(identifiers, { "--reason": reason, "--requested-by": requestedBy, "--request": request })
}

/** Throws `usage`, and repeats no identifier. */
export function confirmed([main]: readonly Identifier[], { confirm }: Asked): void {
  if (confirm !== undefined && confirm.normalize("NFC") === main?.value.normalize("NFC")) return
  throw new TrailError(
    "usage",
    confirm === undefined
      ? "this erases the subject for ever"
      : "--confirm names another than the subject that is to be erased",
    {
      hint: "nothing was erased; look with --dry-run first, then run it again with --confirm and the ID once more",
    },
  )
}

/** What stands in a file that is none is there for something else, and nobody could erase again by what is behind it. Throws `usage`. */
export async function refuseNoRegister(path: string, nothing = "nothing was erased"): Promise<void> {
  const size = registerBeginning.length
  let head = Buffer.alloc(0)
  try {
    const file = await open(path, "r")
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(size), 0, size, 0)
      head = buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    // Where there is none it is made.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return
    throw hinted(fileError(error, "read", path), nothing)
  }
  // A run that was killed may have left less than that, and the next one ends the line.
  const [first = ""] = head.toString("latin1").split("\n")
  if (registerBeginning.startsWith(first)) return
  throw new TrailError("usage", `${path} is no register of erasures`, {
    hint: `${nothing}; name the file that gdpr erase --register wrote, or one that is not there yet`,
  })
}

const registerBeginning = '{"schema":"pgtrail.erasure_register/'

const hinted = (error: unknown, nothing = "nothing was erased"): unknown =>
  error instanceof TrailError
    ? new TrailError(error.code, error.message, { hint: `${nothing}; ${error.hint}`, cause: error })
    : error

/** Throws `not-found` for a request that the register of requests does not have, and `usage` for one that is closed. */
export async function refuseRequest(
  client: ClientBase,
  request: string | undefined,
  nothing = "nothing was erased",
): Promise<void> {
  if (request === undefined) return
  const { rows } = await client.query<{ closed: string }>(
    "select r.closed_at is not null as closed from pgtrail.subject_request r where r.request_id = $1",
    [request],
  )
  if (rows[0]?.closed === "f") return
  throw new TrailError(
    rows.length === 0 ? "not-found" : "usage",
    `${rows.length === 0 ? "there is no request" : "closed already is the request"} ${JSON.stringify(request.slice(0, 64))}`,
    { hint: `${nothing}; pgtrail gdpr request list` },
  )
}
